import type { Change } from '../../model/change.js';
import type { OpenSession } from '../../model/command.js';
import { Fault } from '../../model/fault.js';
import type { Session } from '../../model/session.js';
import {
  IDENTITY_BOUNDS,
  type Identity,
  IdentityKind,
  isGoodAt,
  KeyOrigin,
  mayHaveSeveral,
  type ProvenKey,
} from '../../model/trust/identity.js';
import type { State } from '../../store/state.js';

/** One of its sessions may end any time. */
const FULL_RETRY_MS = 5_000;

/**
 * Decides whether a session may be opened with what was proved, and binds the first key that an instance shows.
 *
 * It is asked again when the command is applied: of two commands of one batch the first may have bound another key. `before` is the
 * instance's session that lives.
 */
export function admitOpener(state: State, command: OpenSession, before: Session | undefined): Change[] | Fault {
  const { uuid, proven, atMs } = command;
  const identity = state.identities.get(uuid);
  if (identity?.revoked) return revokedFault(uuid);
  if (proven !== undefined && proven.identity !== uuid) return admitHolder(state, command, proven, before);
  const holder = before?.identity;
  if (holder !== undefined) return heldByOther(uuid);
  if (proven === undefined) return identity === undefined ? [] : proofNeeded(uuid);
  if (identity !== undefined) return keyFault(identity, proven.keyId, atMs) ?? fullFault(state, identity, uuid) ?? [];
  if (proven.key === undefined) return new Fault('PROOF_INVALID', `the keys of ${uuid} were forgotten meanwhile`);
  const { keyId: id, key } = proven;
  const bound = { id, key, origin: KeyOrigin.FIRST_USE, boundAtMs: atMs, goodUntilMs: 0 };
  return putIdentity(state, { ...newcomer(state, uuid), keys: [bound] });
}

/**
 * Whether a person or a service may have one more session, of an instance that it has drawn for it. The instance is the identity's while that
 * session lives, and never one that is an identity itself.
 */
function admitHolder(
  state: State,
  { uuid, atMs }: OpenSession,
  { identity: holder, keyId }: ProvenKey,
  before: Session | undefined,
): Change[] | Fault {
  const identity = state.identities.get(holder);
  if (identity === undefined || !mayHaveSeveral(identity.kind)) return mismatch(holder, uuid);
  const fault = keyFault(identity, keyId, atMs);
  if (fault !== undefined) return fault;
  if (state.identities.get(uuid) !== undefined) return mismatch(holder, uuid);
  if (before?.identity !== undefined && before.identity !== holder) return heldByOther(uuid);
  return fullFault(state, identity, uuid) ?? [];
}

/** The refusal of a session more than an identity may have; undefined where there is room, or where its session of the instance makes room. */
function fullFault(state: State, { uuid: holder, kind }: Identity, uuid: string): Fault | undefined {
  if (!mayHaveSeveral(kind)) return undefined;
  const { sessionsMax } = IDENTITY_BOUNDS;
  const others = state.sessions.ofIdentity(holder).filter((session) => session.uuid !== uuid);
  if (others.length < sessionsMax) return undefined;
  return new Fault('SESSION_LIMIT', `${sessionsMax} sessions of one identity are the limit`, [], FULL_RETRY_MS);
}

/** The refusal of an instance that belongs to an identity while that has a session of it. */
export function heldByOther(uuid: string): Fault {
  return new Fault('IDENTITY_MISMATCH', `a session of another identity has taken instance ${uuid}`);
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
