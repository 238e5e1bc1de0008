import type { Change } from '../../model/change.js';
import type { OpenSession } from '../../model/command.js';
import { Fault } from '../../model/fault.js';
import { IDENTITY_BOUNDS, type Identity, IdentityKind, isGoodAt, KeyOrigin } from '../../model/identity.js';
import type { State } from '../../store/state.js';

/**
 * Decides whether a session may be opened with what was proved, and binds the first key that an instance shows.
 *
 * It is asked again when the command is applied: of two commands of one batch the first may have bound another key.
 */
export function admitOpener(state: State, command: OpenSession): Change[] | Fault {
  const { uuid, proven, atMs } = command;
  const identity = state.identities.get(uuid);
  if (identity?.revoked) return revokedFault(uuid);
  if (proven === undefined) return identity === undefined ? [] : proofNeeded(uuid);
  if (proven.identity !== uuid) return mismatch(proven.identity, uuid);
  if (identity !== undefined) return keyFault(identity, proven.keyId, atMs) ?? [];
  if (proven.key === undefined) return new Fault('PROOF_INVALID', `the keys of ${uuid} were forgotten meanwhile`);
  const { keyId: id, key } = proven;
  const bound = { id, key, origin: KeyOrigin.FIRST_USE, boundAtMs: atMs, goodUntilMs: 0 };
  return putIdentity(state, { ...newcomer(state, uuid), keys: [bound] });
}

/** Why an identity's key proves nothing at a time; undefined for a good one. */
export function keyFault(identity: Identity, keyId: string, atMs: number): Fault | undefined {
  const { uuid } = identity;
  if (identity.revoked) return revokedFault(uuid);
  if (identity.barred.includes(keyId)) return new Fault('PROOF_INVALID', `the key is barred for instance ${uuid}`);
  const known = identity.keys.find(({ id }) => id === keyId);
  if (known === undefined) return new Fault('PROOF_INVALID', `instance ${uuid} is bound to another key`);
  if (isGoodAt(known, atMs)) return undefined;
  return new Fault('PROOF_INVALID', `the key of instance ${uuid} was replaced by a newer one, and is good no more`);
}

/** The refusal of a proof of another identity. */
export function mismatch(proven: string, uuid: string): Fault {
  return new Fault('IDENTITY_MISMATCH', `the proof is of identity ${proven}, the session of instance ${uuid}`);
}

/** An identity that is about to come: nothing is known of it. */
export function newcomer(state: State, uuid: string): Identity {
  const number = state.identities.cursor + 1;
  const kind = IdentityKind.INSTANCE;
  return { number, uuid, kind, roles: [], name: '', labels: {}, keys: [], barred: [], revoked: false, ticket: '' };
}

/** The change that stores an identity, or the refusal where there is no room for another. */
export function putIdentity(state: State, identity: Identity): Change[] | Fault {
  const { identitiesMax } = IDENTITY_BOUNDS;
  const isNew = identity.number > state.identities.cursor;
  if (isNew && state.identities.count >= identitiesMax) {
    return new Fault('NETWORK_LIMIT', `${identitiesMax} identities are the limit`);
  }
  return [{ kind: 'IdentityPut', identity }];
}

function proofNeeded(uuid: string): Fault {
  return new Fault('PROOF_INVALID', `instance ${uuid} has a key: its sessions are opened with a proof of it`);
}

/** The refusal of an identity that is revoked. */
export function revokedFault(uuid: string): Fault {
  return new Fault('IDENTITY_REVOKED', `identity ${uuid} is revoked`);
}
