import type { Change } from '../model/change.js';
import type { AdmitIdentity } from '../model/command.js';
import type { Fault } from '../model/fault.js';
import type { State } from '../store/state.js';
import { keyFault, newcomer, putIdentity } from './policy/opener.js';

/**
 * Makes the identity that an authority or an issuer vouches for, or gives it other roles. One whose UUID is bound to something else,
 * is revoked or has that barred is refused: the word of others never takes a place.
 */
export function admitIdentity(state: State, command: AdmitIdentity): Change[] | Fault {
  const { uuid, identityKind: kind, key, keyId: id, origin, roles, atMs } = command;
  const before = state.identities.get(uuid);
  if (before === undefined) {
    const vouched = { id, key, origin, boundAtMs: atMs, goodUntilMs: 0 };
    return putIdentity(state, { ...newcomer(state, uuid), kind, roles: roles ?? [], keys: [vouched] });
  }
  const fault = keyFault(before, id, atMs);
  if (fault !== undefined) return fault;
  if (roles === undefined || before.roles.join() === roles.join()) return [];
  return [{ kind: 'IdentityPut', identity: { ...before, roles } }];
}
