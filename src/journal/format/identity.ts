import type {
  AdmitIdentity as AdmitIdentityMessage,
  BindKey as BindKeyMessage,
  OpenSession as OpenSessionMessage,
  RotateKey as RotateKeyMessage,
  UpdateIdentity as UpdateIdentityMessage,
} from '../../../gen/switchyard/journal/v1/command.js';
import type { IdentityRow } from '../../../gen/switchyard/journal/v1/snapshot.js';
import type { AdmitIdentity, BindKey, RotateKey, UpdateIdentity } from '../../core/model/command.js';
import { type Identity, IdentityKind, KeyOrigin, type ProvenKey } from '../../core/model/trust/identity.js';
import { packHidden, packLabels, unpackHidden, unpackLabels } from './fields.js';

type ProvenFields = Pick<OpenSessionMessage, 'identity' | 'binding' | 'bindKey'>;

const NOTHING_PROVEN: ProvenFields = { identity: '', binding: Buffer.alloc(0), bindKey: Buffer.alloc(0) };
const KINDS: ReadonlySet<number> = new Set(Object.values(IdentityKind));
const ORIGINS: ReadonlySet<number> = new Set(Object.values(KeyOrigin));

/** What a session's opener has proved, as OpenSession stores it. */
export function packProven(proven: ProvenKey | undefined): ProvenFields {
  if (proven === undefined) return NOTHING_PROVEN;
  const { identity, keyId, key = '' } = proven;
  return { identity, binding: packHidden(keyId), bindKey: packHidden(key) };
}

/** The same as the core has it. */
export function unpackProven({ identity, binding, bindKey }: ProvenFields): ProvenKey | undefined {
  if (identity === '') return undefined;
  const known = { identity, keyId: unpackHidden(binding) };
  return bindKey.length === 0 ? known : { ...known, key: unpackHidden(bindKey) };
}

/** BindKey as it is stored. */
export function packBindKey({ uuid, key, keyId, atMs }: BindKey): BindKeyMessage {
  return { uuid, key: packHidden(key), keyId: packHidden(keyId), atMs: BigInt(atMs) };
}

/** BindKey as the core has it. */
export function unpackBindKey({ uuid, key, keyId, atMs }: BindKeyMessage): BindKey {
  return { kind: 'BindKey', uuid, key: unpackHidden(key), keyId: unpackHidden(keyId), atMs: Number(atMs) };
}

/** RotateKey as it is stored. */
export function packRotateKey({ uuid, oldKeyId, key, keyId, atMs, goodUntilMs }: RotateKey): RotateKeyMessage {
  return {
    uuid,
    oldKeyId: packHidden(oldKeyId),
    key: packHidden(key),
    keyId: packHidden(keyId),
    atMs: BigInt(atMs),
    goodUntilMs: BigInt(goodUntilMs),
  };
}

/** RotateKey as the core has it. */
export function unpackRotateKey({ uuid, oldKeyId, key, keyId, atMs, goodUntilMs }: RotateKeyMessage): RotateKey {
  return {
    kind: 'RotateKey',
    uuid,
    oldKeyId: unpackHidden(oldKeyId),
    key: unpackHidden(key),
    keyId: unpackHidden(keyId),
    atMs: Number(atMs),
    goodUntilMs: Number(goodUntilMs),
  };
}

/** UpdateIdentity as it is stored. */
export function packUpdate({ uuid, identityKind: kind, roles, name, labels }: UpdateIdentity): UpdateIdentityMessage {
  return {
    uuid,
    kind,
    roles: roles && { roles: [...roles] },
    name,
    labels: labels && { labels: packLabels(labels) },
  };
}

/** UpdateIdentity as the core has it: what is absent is no key. */
export function unpackUpdate({ uuid, kind, roles, name, labels }: UpdateIdentityMessage): UpdateIdentity {
  return {
    kind: 'UpdateIdentity',
    uuid,
    ...(kind === undefined ? {} : { identityKind: kind as IdentityKind }),
    ...(roles === undefined ? {} : { roles: roles.roles }),
    ...(name === undefined ? {} : { name }),
    ...(labels === undefined ? {} : { labels: unpackLabels(labels.labels) }),
  };
}

/** AdmitIdentity as it is stored. */
export function packAdmit(command: AdmitIdentity): AdmitIdentityMessage {
  const { uuid, identityKind: kind, key, keyId, origin, roles, atMs, issuedAtMs, policyRevision } = command;
  return {
    uuid,
    kind,
    key: packHidden(key),
    keyId: packHidden(keyId),
    origin,
    roles: roles && { roles: [...roles] },
    atMs: BigInt(atMs),
    issuedAtMs: packOptional(issuedAtMs),
    policyRevision: packOptional(policyRevision),
  };
}

/** AdmitIdentity as the core has it: what is absent is no key. */
export function unpackAdmit(message: AdmitIdentityMessage): AdmitIdentity {
  const { uuid, kind, key, keyId, origin, roles, atMs, issuedAtMs, policyRevision } = message;
  return {
    kind: 'AdmitIdentity',
    uuid,
    identityKind: kind as IdentityKind,
    key: unpackHidden(key),
    keyId: unpackHidden(keyId),
    origin: origin as KeyOrigin,
    ...(roles === undefined ? {} : { roles: roles.roles }),
    atMs: Number(atMs),
    ...(issuedAtMs === undefined ? {} : { issuedAtMs: Number(issuedAtMs) }),
    ...(policyRevision === undefined ? {} : { policyRevision: Number(policyRevision) }),
  };
}

function packOptional(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value);
}

/** An identity as a snapshot stores it. */
export function packIdentity(identity: Identity): IdentityRow {
  const { number, uuid, kind, roles, name, labels, keys, barred, revoked, ticket } = identity;
  return {
    number,
    uuid,
    kind,
    keys: keys.map(({ id, key, origin, boundAtMs, goodUntilMs, issuedAtMs }) => ({
      id: packHidden(id),
      key: packHidden(key),
      origin,
      boundAtMs: BigInt(boundAtMs),
      goodUntilMs: BigInt(goodUntilMs),
      issuedAtMs: packOptional(issuedAtMs),
    })),
    barred: barred.map(packHidden),
    revoked,
    roles: [...roles],
    name,
    labels: packLabels(labels),
    ticket,
  };
}

/** An identity as the core has it; undefined for a kind or an origin that only a newer build knows. */
export function unpackIdentity(row: IdentityRow): Identity | undefined {
  const { number, uuid, kind, roles, name, keys, barred, revoked, ticket } = row;
  if (!KINDS.has(kind) || keys.some(({ origin }) => !ORIGINS.has(origin))) return undefined;
  return {
    number,
    uuid,
    kind: kind as IdentityKind,
    roles,
    name,
    labels: unpackLabels(row.labels),
    keys: keys.map(({ id, key, origin, boundAtMs, goodUntilMs, issuedAtMs }) => ({
      id: unpackHidden(id),
      key: unpackHidden(key),
      origin: origin as KeyOrigin,
      boundAtMs: Number(boundAtMs),
      goodUntilMs: Number(goodUntilMs),
      ...(issuedAtMs === undefined ? {} : { issuedAtMs: Number(issuedAtMs) }),
    })),
    barred: barred.map(unpackHidden),
    revoked,
    ticket,
  };
}
