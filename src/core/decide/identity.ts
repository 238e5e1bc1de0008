import type { Change } from '../model/change.js';
import type { BindKey, ForgetKey, RevokeIdentity, RotateKey, UpdateIdentity } from '../model/command.js';
import { Fault } from '../model/fault.js';
import { CloseReason, identityOf, type Labels, type Session } from '../model/session.js';
import {
  IDENTITY_BOUNDS,
  type Identity,
  type IdentityKey,
  isGoodAt,
  KeyOrigin,
  mayHaveSeveral,
} from '../model/trust/identity.js';
import type { State } from '../store/state.js';
import { forgetTicketsOf, revokeTicketsOf } from './issued-tickets.js';
import { keyFault, newcomer, putIdentity } from './policy/opener.js';
import { endSessions } from './session.js';

/** Gives an identity its only key; what another key, or none, has opened ends. */
export function bindKey(state: State, command: BindKey, revision: number): Change[] | Fault {
  const { uuid, key, keyId: id, atMs } = command;
  const before = state.identities.get(uuid) ?? newcomer(state, uuid);
  if (!before.revoked && before.keys.length === 1 && before.keys[0].id === id && before.keys[0].goodUntilMs === 0) {
    return endUnless(state, uuid, id, revision);
  }
  const barred = [...before.barred, ...before.keys.map((known) => known.id)].filter((known) => known !== id);
  const bound = { id, key, origin: KeyOrigin.ADMINISTRATOR, boundAtMs: atMs, goodUntilMs: 0 };
  const kept = [...new Set(barred)].slice(-IDENTITY_BOUNDS.barredMax);
  const placed = putIdentity(state, { ...before, keys: [bound], barred: kept, revoked: false });
  return placed instanceof Fault ? placed : [...endUnless(state, uuid, id, revision), ...placed];
}

/** Gives an identity a new key. The others are good for a while; as many stay as there is room for, the newest. */
export function rotateKey(state: State, command: RotateKey): Change[] | Fault {
  const { uuid, oldKeyId, key, keyId: id, atMs, goodUntilMs } = command;
  const identity = state.identities.get(uuid);
  if (identity === undefined) return identityNotFound(uuid);
  const fault = keyFault(identity, oldKeyId, atMs);
  if (fault !== undefined) return fault;
  if (identity.barred.includes(id)) return new Fault('PROOF_INVALID', `the new key is barred for instance ${uuid}`);
  const newest = identity.keys.at(-1);
  if (newest?.id === id && newest.goodUntilMs === 0) return [];
  const older = identity.keys
    .filter((known) => known.id !== id && isGoodAt(known, atMs))
    .map((known) => ({ ...known, goodUntilMs: sooner(known, goodUntilMs) }))
    .slice(1 - IDENTITY_BOUNDS.keysMax);
  const bound = { id, key, origin: KeyOrigin.ROTATION, boundAtMs: atMs, goodUntilMs: 0 };
  return [{ kind: 'IdentityPut', identity: { ...identity, keys: [...older, bound] } }];
}

/** Forgets an identity; what one of its keys has opened ends, and what names it as an issuer goes. */
export function forgetKey(state: State, { uuid }: ForgetKey, revision: number): Change[] | Fault {
  const identity = state.identities.get(uuid);
  if (identity === undefined) return identityNotFound(uuid);
  const proven = state.sessions.ofIdentity(uuid).filter(({ keyId }) => keyId !== undefined);
  const ended = endSessions(state, proven, CloseReason.REVOKED, revision);
  return [...ended, ...forgetTicketsOf(state, uuid), { kind: 'IdentityForgotten', identity }];
}

/** Revokes an identity and the tickets that it has issued, and ends its session whatever opened it. */
export function revokeIdentity(state: State, { uuid }: RevokeIdentity, revision: number): Change[] | Fault {
  const before = state.identities.get(uuid) ?? newcomer(state, uuid);
  if (before.revoked) return [];
  const placed = putIdentity(state, { ...before, revoked: true });
  return placed instanceof Fault
    ? placed
    : [...endUnless(state, uuid, undefined, revision), ...revokeTicketsOf(state, uuid), ...placed];
}

/**
 * Gives an identity roles, a name, labels or another kind. What its keys have opened goes on, with the new roles; what becomes an
 * instance keeps the session of its own UUID only.
 */
export function updateIdentity(state: State, command: UpdateIdentity, revision: number): Change[] | Fault {
  const { uuid } = command;
  const before = state.identities.get(uuid);
  if (before === undefined) return identityNotFound(uuid);
  const {
    identityKind: kind = before.kind,
    roles = before.roles,
    name = before.name,
    labels = before.labels,
  } = command;
  const fault = nameTaken(state, uuid, name);
  if (fault !== undefined) return fault;
  const identity = { ...before, kind, roles, name, labels };
  if (isSameRecord(before, identity)) return [];
  const excess = mayHaveSeveral(kind) ? [] : state.sessions.ofIdentity(uuid).filter((one) => one.uuid !== uuid);
  return [...endSessions(state, excess, CloseReason.REVOKED, revision), { kind: 'IdentityPut', identity }];
}

/** Why an identity cannot have a name; undefined when it can, or has it already. */
export function nameTaken(state: State, uuid: string, name: string): Fault | undefined {
  const holder = name === '' ? undefined : state.identities.named(name);
  if (holder === undefined || holder.uuid === uuid) return undefined;
  return Fault.fields([
    { field: 'name', description: `${name} is identity ${holder.uuid}; a name is unique in its network` },
  ]);
}

function isSameRecord(before: Identity, after: Identity): boolean {
  const isSame = before.kind === after.kind && before.name === after.name;
  return isSame && before.roles.join() === after.roles.join() && isSameLabels(before.labels, after.labels);
}

function isSameLabels(before: Labels, after: Labels): boolean {
  const keys = Object.keys(before);
  if (keys.length !== Object.keys(after).length) return false;
  return keys.every((key) => Object.hasOwn(after, key) && before[key] === after[key]);
}

/** The refusal of an identity that is not there. */
export function identityNotFound(uuid: string): Fault {
  return new Fault('IDENTITY_NOT_FOUND', `no identity ${uuid}`);
}

function sooner({ goodUntilMs }: IdentityKey, untilMs: number): number {
  return goodUntilMs === 0 ? untilMs : Math.min(goodUntilMs, untilMs);
}

/** Ends the sessions of an identity, but for those of its own that this key has opened. */
export function endUnless(state: State, uuid: string, keyId: string | undefined, revision: number): Change[] {
  const ended = state.sessions.ofIdentity(uuid).filter((session) => !isOpenedBy(session, uuid, keyId));
  return endSessions(state, ended, CloseReason.REVOKED, revision);
}

/** Whether a session is an identity's own, opened by this key. */
export function isOpenedBy(session: Session, uuid: string, keyId: string | undefined): boolean {
  return keyId !== undefined && session.keyId === keyId && identityOf(session) === uuid;
}
