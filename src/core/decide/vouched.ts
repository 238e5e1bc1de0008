import type { Change } from '../model/change.js';
import type { AdmitIdentity } from '../model/command.js';
import { Fault } from '../model/fault.js';
import { CloseReason } from '../model/session.js';
import type { State } from '../store/state.js';
import { keyFault, newcomer, putIdentity } from './policy/opener.js';
import { endSessions } from './session.js';

/** The policy is another one by the next turn: whoever found roles by the old one looks again. */
const POLICY_RETRY_MS = 1_000;

/**
 * Makes the identity that an authority or an issuer vouches for, or gives it other roles. One whose UUID is bound to something else,
 * is revoked or has that barred is refused: the word of others never takes a place.
 *
 * Roles are those of the policy that holds and of the newest token of an issuer that was taken, in whatever order tokens come, and over
 * restarts and other servers: what that took away an older one does not give back.
 */
export function admitIdentity(state: State, command: AdmitIdentity, revision: number): Change[] | Fault {
  const { uuid, identityKind: kind, key, keyId: id, origin, roles, atMs, issuedAtMs } = command;
  const before = state.identities.get(uuid);
  if (isOfOtherPolicy(state, command)) {
    return new Fault('RATE_LIMITED', 'the policy was replaced meanwhile', [], POLICY_RETRY_MS);
  }
  if (before === undefined) {
    const vouched = { id, key, origin, boundAtMs: atMs, goodUntilMs: 0, ...issued(issuedAtMs) };
    const placed = putIdentity(state, { ...newcomer(state, uuid), kind, roles: roles ?? [], keys: [vouched] });
    return placed instanceof Fault ? placed : [...endHolder(state, uuid, revision), ...placed];
  }
  const fault = keyFault(before, id, atMs);
  if (fault !== undefined) return fault;
  const newestMs = before.keys.find((known) => known.id === id)?.issuedAtMs;
  if (roles === undefined || (issuedAtMs !== undefined && newestMs !== undefined && issuedAtMs < newestMs)) return [];
  const isNewer = issuedAtMs !== undefined && issuedAtMs !== newestMs;
  if (!isNewer && before.roles.join() === roles.join()) return [];
  const keys = before.keys.map((known) => (known.id === id ? { ...known, ...issued(issuedAtMs) } : known));
  return [{ kind: 'IdentityPut', identity: { ...before, roles, keys } }];
}

/** Ends the session by which another identity holds an instance that is an identity itself from now on: UUIDs of subjects can be computed. */
function endHolder(state: State, uuid: string, revision: number): Change[] {
  const held = state.sessions.ofInstance(uuid);
  return held?.identity === undefined ? [] : endSessions(state, [held], CloseReason.REVOKED, revision);
}

/** Whether the policy was replaced after the roles of a command were found. */
export function isOfOtherPolicy(
  { policy }: Pick<State, 'policy'>,
  { policyRevision }: Pick<AdmitIdentity, 'policyRevision'>,
): boolean {
  return policyRevision !== undefined && policyRevision !== (policy?.revision ?? 0);
}

function issued(issuedAtMs: number | undefined): { readonly issuedAtMs?: number } {
  return issuedAtMs === undefined ? {} : { issuedAtMs };
}
