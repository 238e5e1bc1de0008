import fc from 'fast-check';
import { readPolicy } from '../../src/core/decide/policy/policy-document.js';
import type { Command } from '../../src/core/model/command.js';
import { ConnectionRole, ConnectionState, Fallback } from '../../src/core/model/connection.js';
import { REASONS, type Reason } from '../../src/core/model/fault.js';
import { LIMIT_NAMES, type Limits } from '../../src/core/model/limits.js';
import type { Made } from '../../src/core/model/request.js';
import { RULES_MAX } from '../../src/core/model/rules.js';
import { IdentityKind, KeyOrigin } from '../../src/core/model/trust/identity.js';
import { AUTH_MODES, foundingDocument, type Policy, type StoredPolicy } from '../../src/core/model/trust/policy.js';
import type { Row } from '../../src/core/store/snapshot.js';
import {
  brokered,
  closeReason,
  drawn,
  gathered,
  hidden,
  kind,
  labels,
  link,
  ms,
  params,
  path,
  port,
  type Shape,
  shape,
  sid,
  someParams,
  text,
  tokenHash,
  tried,
  uuid,
  wallMs,
} from './arbitrary-fields.js';

const requestId = fc.string({ minLength: 1, maxLength: 64 });

const limits = shape(Object.fromEntries(LIMIT_NAMES.map((name) => [name, ms])) as unknown as Shape<Limits>);

const fallback = fc.constantFrom(Fallback.IMMEDIATE, Fallback.NONE);

const asked = {
  kind: kind('AskConnection'),
  sid,
  peer: sid,
  link,
  host: text,
  port,
  deadlineMs: ms,
  relayed: wallMs,
  ...gathered,
  ...drawn,
};
const answered = { kind: kind('AnswerGather'), sid, orderId: text, ...gathered, ...drawn };
const endorsement = fc
  .uint8Array({ minLength: 1, maxLength: 256 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const keyId = tokenHash;
/** Never 0: that is written where none is said. */
const serverSid = sid.filter((one) => one !== 0);
const key = fc.uint8Array({ minLength: 1, maxLength: 91 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const roles = fc.array(fc.string({ maxLength: 32 }), { maxLength: 3 });
const identityKind = fc.constantFrom(...Object.values(IdentityKind));
const ticketIds = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 16, maxLength: 16 });
const proven = fc.record(
  { identity: uuid, keyId, key },
  { requiredKeys: ['identity', 'keyId'], noNullPrototype: true },
);

/** One arbitrary for each kind of command, so that a test can show it has them all. */
export const COMMANDS: { readonly [K in Command['kind']]: fc.Arbitrary<Extract<Command, { kind: K }>> } = {
  FoundNetwork: shape({ kind: kind('FoundNetwork'), epoch: text, serverUuid: uuid, atMs: wallMs }),
  OpenSession: fc.record(
    {
      kind: kind('OpenSession'),
      uuid,
      type: fc.integer({ min: 0, max: 7 }),
      flavor: fc.integer({ min: 0, max: 31 }),
      ttlMs: ms,
      name: text,
      labels,
      tokenHash,
      atMs: wallMs,
      proven,
      server: serverSid,
    },
    {
      requiredKeys: ['kind', 'uuid', 'type', 'flavor', 'ttlMs', 'name', 'labels', 'tokenHash', 'atMs'],
      noNullPrototype: true,
    },
  ),
  CloseSession: fc.record(
    { kind: kind('CloseSession'), sid, reason: closeReason, home: serverSid },
    { requiredKeys: ['kind', 'sid', 'reason'], noNullPrototype: true },
  ),
  RequestTermination: shape({ kind: kind('RequestTermination'), sid, reason: text, deadlineMs: ms }),
  AnswerOrder: shape({
    kind: kind('AnswerOrder'),
    sid,
    orderId: text,
    code: fc.option(fc.constantFrom(...(Object.keys(REASONS) as Reason[])), { nil: undefined }),
    description: text,
    data: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  }),
  ReportLink: fc.record(
    { kind: kind('ReportLink'), sid, peer: sid, link, established: fc.boolean(), brokered },
    { requiredKeys: ['kind', 'sid', 'peer', 'link', 'established'], noNullPrototype: true },
  ),
  AskConnection: fc.oneof(
    shape(asked),
    shape({ ...asked, requestId }),
    shape({ ...asked, fallback }),
    shape({ ...asked, endorsement }),
  ),
  AnswerGather: fc.oneof(shape(answered), shape({ ...answered, endorsement })),
  AnswerAttempt: shape({ kind: kind('AnswerAttempt'), sid, orderId: text, roundTripMs: ms, ...tried, ...drawn }),
  ExpireOrder: shape({ kind: kind('ExpireOrder'), sid, orderId: text }),
  ExpireConnection: shape({ kind: kind('ExpireConnection'), id: wallMs }),
  CreateStream: fc.record(
    { kind: kind('CreateStream'), sid, params, sinks: fc.array(sid, { maxLength: 5 }), requestId },
    { requiredKeys: ['kind', 'sid', 'params', 'sinks'], noNullPrototype: true },
  ),
  UpdateStreamParams: shape({ kind: kind('UpdateStreamParams'), sid, id: sid, params: someParams }),
  TerminateStream: shape({ kind: kind('TerminateStream'), sid, id: sid }),
  StopStream: shape({ kind: kind('StopStream'), sid, id: sid, reason: fc.constantFrom(1, 2, 3, 4, 5) }),
  SetLimits: shape({ kind: kind('SetLimits'), limits }),
  AddServer: shape({ kind: kind('AddServer'), uuid, name: text }),
  LoseServer: shape({ kind: kind('LoseServer'), sid }),
  MoveSession: shape({ kind: kind('MoveSession'), sid, server: sid }),
  RenewEpoch: shape({ kind: kind('RenewEpoch'), epoch: text }),
  UseRules: shape({ kind: kind('UseRules'), rules: fc.constant(RULES_MAX) }),
  BindKey: shape({ kind: kind('BindKey'), uuid, key, keyId, atMs: wallMs }),
  RotateKey: shape({
    kind: kind('RotateKey'),
    uuid,
    oldKeyId: keyId,
    key,
    keyId,
    atMs: wallMs,
    goodUntilMs: wallMs,
  }),
  ForgetKey: shape({ kind: kind('ForgetKey'), uuid }),
  UpdateIdentity: fc.record(
    { kind: kind('UpdateIdentity'), uuid, identityKind, roles, name: text, labels },
    { requiredKeys: ['kind', 'uuid'], noNullPrototype: true },
  ),
  RevokeIdentity: shape({ kind: kind('RevokeIdentity'), uuid }),
  PutPolicy: fc.record(
    { kind: kind('PutPolicy'), document: text, ifRevision: wallMs },
    { requiredKeys: ['kind', 'document'], noNullPrototype: true },
  ),
  IssueTicket: shape({
    kind: kind('IssueTicket'),
    hash: tokenHash,
    issuer: fc.oneof(uuid, fc.constant('')),
    uses: ms,
    expiresAtMs: wallMs,
    identityKind,
    roles,
    names: text,
    forUuid: fc.oneof(uuid, fc.constant('')),
    atMs: wallMs,
  }),
  RevokeTicket: shape({ kind: kind('RevokeTicket'), id: ticketIds }),
  AdmitIdentity: fc.record(
    {
      kind: kind('AdmitIdentity'),
      uuid,
      identityKind,
      key,
      keyId,
      origin: fc.constantFrom(5, 6),
      roles,
      atMs: wallMs,
      issuedAtMs: wallMs,
      policyRevision: wallMs,
    },
    {
      requiredKeys: ['kind', 'uuid', 'identityKind', 'key', 'keyId', 'origin', 'atMs'],
      noNullPrototype: true,
    },
  ),
  AnchorAudit: fc.record(
    {
      kind: kind('AnchorAudit'),
      server: uuid,
      number: wallMs,
      hash: tokenHash,
      atMs: wallMs,
      isBroken: fc.constant(true),
    },
    { requiredKeys: ['kind', 'server', 'number', 'hash', 'atMs'], noNullPrototype: true },
  ),
  Enroll: shape({ kind: kind('Enroll'), ticketHash: tokenHash, uuid, key, keyId, name: text, atMs: wallMs }),
};

/** Any command, as it comes to be stored. */
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(...Object.values(COMMANDS));

/** Any command, with when it was stored, and some with who asked for it. */
export const anyStamped: fc.Arbitrary<Command> = fc
  .tuple(anyCommand, wallMs, fc.option(fc.string({ minLength: 1, maxLength: 60 }), { nil: undefined }))
  .map(([command, storedAtMs, by]) => (by === undefined ? { ...command, storedAtMs } : { ...command, storedAtMs, by }));

const session = fc
  .record(
    {
      sid,
      uuid,
      ttlMs: ms,
      name: text,
      labels,
      tokenHash,
      openedAtMs: wallMs,
      openedRevision: wallMs,
      streamId: sid,
      keyId,
      identity: uuid,
      home: serverSid,
    },
    {
      requiredKeys: ['sid', 'uuid', 'ttlMs', 'name', 'labels', 'tokenHash', 'openedAtMs', 'openedRevision', 'streamId'],
      noNullPrototype: true,
    },
  )
  // Without a proof it is nobody's.
  .map(({ identity: holder, ...plain }) =>
    holder === undefined || plain.keyId === undefined ? plain : { ...plain, identity: holder },
  );
const identity = shape({
  number: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  uuid,
  kind: identityKind,
  roles,
  name: text,
  labels,
  keys: fc.array(
    fc.record(
      {
        id: keyId,
        key,
        origin: fc.constantFrom(...Object.values(KeyOrigin)),
        boundAtMs: wallMs,
        goodUntilMs: wallMs,
        issuedAtMs: wallMs,
      },
      { requiredKeys: ['id', 'key', 'origin', 'boundAtMs', 'goodUntilMs'], noNullPrototype: true },
    ),
    { maxLength: 4 },
  ),
  barred: fc.array(keyId, { maxLength: 3 }),
  revoked: fc.boolean(),
  ticket: fc.oneof(ticketIds, fc.constant('')),
});
const ticket = shape({
  number: wallMs,
  hash: tokenHash,
  issuer: fc.oneof(uuid, fc.constant('')),
  issuedAtMs: wallMs,
  expiresAtMs: wallMs,
  uses: ms,
  used: ms,
  identityKind,
  roles,
  names: text,
  forUuid: fc.oneof(uuid, fc.constant('')),
  revoked: fc.boolean(),
});
const anchor = shape({ number: wallMs, hash: tokenHash, atMs: wallMs });
const policy = fc.tuple(fc.constantFrom(...AUTH_MODES), wallMs).map(([auth, revision]): StoredPolicy => {
  const document = foundingDocument(auth);
  return { document, revision, policy: readPolicy(document) as Policy };
});
const sinks = fc.array(shape({ sid, id: sid }), { maxLength: 4 });
const stream = shape({ id: sid, owner: sid, sinks, params, revision: wallMs });
const role = fc.constantFrom(...Object.values(ConnectionRole));
const body = fc.oneof(
  shape({ kind: kind('terminate'), reason: text }),
  shape({ kind: kind('connection'), connection: wallMs, role }),
);
const told = fc.option(shape(tried), { nil: undefined });
const attempt = shape({ number: sid, startedAtMs: wallMs, nonce: hidden, caller: told, peer: told });
const end = shape({ sid, reported: path, ...gathered });
const relayed = shape({ streamId: sid, branchId: sid });
const standing = {
  id: wallMs,
  caller: end,
  peer: end,
  link,
  listening: shape({ host: text, port }),
  state: fc.constantFrom(...Object.values(ConnectionState)),
  askedAtMs: wallMs,
  attempts: fc.array(attempt, { maxLength: 3 }),
  path,
  roundTripMs: ms,
  relay: fc.option(shape({ fromCaller: relayed, fromPeer: relayed }), { nil: undefined }),
  reason: fc.option(fc.constantFrom(...(Object.keys(REASONS) as Reason[])), { nil: undefined }),
  description: text,
};
const connection = fc.oneof(shape(standing), shape({ ...standing, fallback }));

const made: fc.Arbitrary<Made> = fc.oneof(
  shape({ kind: kind('stream'), id: sid, branches: fc.array(sid, { maxLength: 4 }), revision: wallMs }),
  shape({ kind: kind('connection'), id: wallMs }),
);

/** Rows that may follow the first, one arbitrary for each kind. */
export const ROWS: {
  readonly [K in Exclude<Row['kind'], 'meta' | 'limits'>]: fc.Arbitrary<Extract<Row, { kind: K }>>;
} = {
  server: shape({ kind: kind('server'), server: shape({ sid, uuid, name: text, isLive: fc.boolean() }) }),
  session: shape({ kind: kind('session'), session }),
  link: shape({ kind: kind('link'), a: sid, b: sid, link }),
  report: shape({ kind: kind('report'), report: shape({ sid, peer: sid, link }) }),
  stream: shape({ kind: kind('stream'), stream }),
  order: shape({ kind: kind('order'), order: shape({ id: text, sid, deadlineMs: ms, body }) }),
  settled: shape({ kind: kind('settled'), sid, orderId: text }),
  connection: shape({ kind: kind('connection'), connection }),
  request: shape({ kind: kind('request'), request: shape({ sid, requestId, atMs: wallMs, fingerprint: text, made }) }),
  ended: shape({
    kind: kind('ended'),
    sid,
    reason: closeReason,
    tokenCheck: fc.option(hidden, { nil: undefined }),
  }),
  identity: shape({ kind: kind('identity'), identity }),
  policy: shape({ kind: kind('policy'), policy }),
  ticket: shape({ kind: kind('ticket'), ticket }),
  anchors: shape({
    kind: kind('anchors'),
    anchors: shape({ server: uuid, anchor, missed: fc.array(anchor, { maxLength: 3 }) }),
  }),
};

/** The second row of a snapshot. */
export const limitsRow: fc.Arbitrary<Row> = shape({ kind: kind('limits'), limits });

/** The first row of the snapshot at a revision. */
export const metaRow = (revision: number): fc.Arbitrary<Row> =>
  shape({
    kind: kind('meta'),
    epoch: text,
    revision: fc.constant(revision),
    serverSid: sid,
    serverUuid: uuid,
    streamCursor: sid,
    atMs: fc.option(wallMs, { nil: undefined }),
    sidCursors: fc.array(shape({ pool: fc.integer({ min: 0, max: 255 }), base: sid }), { maxLength: 4 }),
  });
