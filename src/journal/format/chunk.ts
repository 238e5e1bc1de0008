import {
  type NetworkRow,
  type OrderRow,
  SnapshotChunk,
  type StreamRow,
} from '../../../gen/switchyard/journal/v1/snapshot.js';
import type { Connection, ConnectionRole } from '../../core/model/connection.js';
import type { LinkType } from '../../core/model/link.js';
import type { Order, OrderBody } from '../../core/model/order.js';
import { CloseReason } from '../../core/model/session.js';
import type { Stream } from '../../core/model/stream.js';
import type { EndedSession } from '../../core/store/ended.js';
import type { MetaRow, Row } from '../../core/store/snapshot.js';
import { JournalError, type StoredSnapshot } from '../journal.js';
import { CHUNK_BYTES_MAX, GROUPS_A_TURN, ROWS_ENCODED_MAX } from '../limits.js';
import { packServerAnchors, unpackServerAnchors } from './audit-anchor.js';
import { packConnection, unpackConnection } from './connection.js';
import { packLimits, unpackLimits } from './core-limits.js';
import { RowReader } from './decode-fast.js';
import { packHidden, packParams, unpackHidden, wholeParams } from './fields.js';
import { Format, FrameKind, seal, unknownPart, unseal } from './frame.js';
import { packIdentity, unpackIdentity } from './identity.js';
import { unknownNumberOfRow } from './known-numbers.js';
import { packPolicy, unpackPolicy } from './policy.js';
import { packRequest, unpackRequest } from './request.js';
import { packSession, unpackSession } from './session.js';
import { packTicket, unpackTicket } from './ticket.js';

/*
 * A part of a snapshot:
 *
 *    0               4         5        6
 *   +---------------+---------+--------+----------------------------------------------+
 *   |     crc32     | version | kind 2 |  switchyard.journal.v1.SnapshotChunk (proto) |
 *   +---------------+---------+--------+----------------------------------------------+
 *
 * frame.ts has the head and what the checksum is over: besides all this, the snapshot's revision and the part's number.
 */

/** The order in which the rows of one part are read. */
const KINDS: readonly Row['kind'][] = [
  'meta',
  'limits',
  'server',
  'session',
  'link',
  'stream',
  'report',
  'order',
  'settled',
  'ended',
  'connection',
  'request',
  'policy',
  'identity',
  'ticket',
  'anchors',
];

/**
 * The rows of a snapshot as the parts that are stored, made one by one as they are asked for.
 *
 * Messages of one type concatenate, so a few rows at a time are a SnapshotChunk of their own until their part is full;
 * no row is encoded twice to learn its size. A part takes too long for one turn of the event loop: `rest` is awaited now
 * and then, so that others have theirs.
 */
export async function* encodeChunks(
  revision: number,
  rows: Iterable<Row>,
  rest?: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let part = 0;
  let groupsDone = 0;
  let encoded: Uint8Array[] = [];
  let bytes = 0;
  let kind = 0;
  let format: number = Format.FIRST;
  const cut = () => {
    const frame = seal(FrameKind.CHUNK, { revision, part: part++ }, Buffer.concat(encoded, bytes), format);
    encoded = [];
    bytes = 0;
    format = Format.FIRST;
    return frame;
  };
  for (const group of groups(rows)) {
    const next = KINDS.indexOf(group[0].kind);
    const message = encodeGroup(group);
    if (encoded.length > 0 && (next < kind || bytes + message.length > CHUNK_BYTES_MAX)) yield cut();
    kind = next;
    for (const row of group) format = Math.max(format, formatFor(row));
    encoded.push(message);
    bytes += message.length;
    if (rest !== undefined && ++groupsDone % GROUPS_A_TURN === 0) await rest();
  }
  if (encoded.length > 0) yield cut();
}

function isEndorsed({ caller, peer }: Connection): boolean {
  return caller.endorsement !== undefined || peer.endorsement !== undefined;
}

/** The lowest format that can say a row. Without a default, as for commands. */
function formatFor(row: Row): number {
  switch (row.kind) {
    case 'limits':
    case 'request':
      return Format.LIMITS;
    case 'meta':
      if (row.rules !== undefined) return Format.EPOCHS;
      if (row.identityCursor !== undefined) return Format.IDENTITIES;
      return row.atMs === undefined ? Format.FIRST : Format.LIMITS;
    case 'session':
      if (row.session.home !== undefined) return Format.EPOCHS;
      return row.session.keyId === undefined ? Format.FIRST : Format.IDENTITIES;
    case 'ended':
      if (row.reason === CloseReason.REVOKED) return Format.IDENTITIES;
      return row.tokenCheck === undefined ? Format.FIRST : Format.LIMITS;
    case 'identity':
    case 'policy':
    case 'ticket':
    case 'anchors':
      return Format.IDENTITIES;
    case 'server':
      return Format.EPOCHS;
    case 'connection':
      if (isEndorsed(row.connection)) return Format.IDENTITIES;
      return row.connection.fallback === undefined ? Format.FIRST : Format.LIMITS;
    case 'link':
    case 'report':
    case 'stream':
    case 'order':
    case 'settled':
      return Format.FIRST;
  }
}

/** Rows of one kind that follow each other, a few at a time. */
function* groups(rows: Iterable<Row>): Iterable<Row[]> {
  let group: Row[] = [];
  for (const row of rows) {
    if (group.length > 0 && (group.length === ROWS_ENCODED_MAX || group[0].kind !== row.kind)) {
      yield group;
      group = [];
    }
    group.push(row);
  }
  if (group.length > 0) yield group;
}

function encodeGroup(group: readonly Row[]): Uint8Array {
  const chunk = SnapshotChunk.create();
  for (const row of group) pack(row, chunk);
  return SnapshotChunk.encode(chunk).finish();
}

/**
 * The rows of a stored snapshot, in the order in which they were encoded, part by part: an asynchronous step for each row
 * would take longer than reading it.
 *
 * Throws a {@link JournalError}, `damaged` or `version`, with the revision; what came before it is of no use then.
 */
export async function* decodeChunks(snapshot: StoredSnapshot): AsyncGenerator<Iterable<Row>> {
  let part = 0;
  for await (const bytes of snapshot.chunks()) yield decodeChunk(snapshot.revision, part++, bytes);
}

/** The rows of one part. The first of all has to be the meta row of this very revision. */
function* decodeChunk(revision: number, part: number, bytes: Uint8Array): Iterable<Row> {
  const what = `part ${part} of the snapshot at revision ${revision}`;
  const content = unseal(FrameKind.CHUNK, { revision, part }, bytes, what);
  // Only the first part begins with something else, and is read as a whole.
  const plain = new RowReader(content);
  for (const row of plain) yield known(row, what, revision);
  if (plain.at === content.length && part > 0) return;
  let chunk: SnapshotChunk;
  try {
    chunk = SnapshotChunk.decode(content.subarray(plain.at));
  } catch (cause) {
    throw new JournalError('damaged', `${what} is damaged: it holds no rows`, { revision, cause });
  }
  if (part === 0 && Number(chunk.network?.revision) !== revision) {
    throw new JournalError('damaged', `${what} is damaged: it does not begin with this revision`, { revision });
  }
  // The generated decoder skips a field that it does not know, so that the rest is shorter.
  if (SnapshotChunk.encode(chunk).finish().length !== content.length - plain.at) {
    throw unknownPart(what, 'a kind of row or a field', revision);
  }
  for (const row of unpack(chunk)) {
    if (row === undefined) throw unknownPart(what, 'a number', revision);
    yield known(row, what, revision);
  }
}

function known(row: Row, what: string, revision: number): Row {
  const unknown = unknownNumberOfRow(row);
  if (unknown !== undefined) throw unknownPart(what, unknown, revision);
  return row;
}

function pack(row: Row, chunk: SnapshotChunk): void {
  switch (row.kind) {
    case 'meta':
      chunk.network = packMeta(row);
      break;
    case 'limits':
      chunk.limits = packLimits(row.limits);
      break;
    case 'server': {
      const { isLive, ...server } = row.server;
      chunk.servers.push({ ...server, isLost: !isLive });
      break;
    }
    case 'session':
      chunk.sessions.push(packSession(row.session));
      break;
    case 'link':
      chunk.links.push(row);
      break;
    case 'stream':
      chunk.streams.push(packStream(row.stream));
      break;
    case 'report':
      chunk.linkReports.push(row.report);
      break;
    case 'order': {
      const { id, sid, deadlineMs, body } = row.order;
      chunk.orders.push({ id, sid, deadlineMs, body: packBody(body) });
      break;
    }
    case 'settled':
      chunk.settledOrders.push(row);
      break;
    case 'ended':
      chunk.endedSessions.push({ sid: row.sid, reason: row.reason, tokenCheck: packCheck(row) });
      break;
    case 'connection':
      chunk.connections.push(packConnection(row.connection));
      break;
    case 'request':
      chunk.requests.push(packRequest(row.request));
      break;
    case 'identity':
      chunk.identities.push(packIdentity(row.identity));
      break;
    case 'policy':
      chunk.policies.push(packPolicy(row.policy));
      break;
    case 'ticket':
      chunk.tickets.push(packTicket(row.ticket));
      break;
    case 'anchors':
      chunk.auditAnchors.push(packServerAnchors(row.anchors));
      break;
  }
}

/** Undefined: a row that only a newer build knows. */
function* unpack(chunk: SnapshotChunk): Iterable<Row | undefined> {
  const { network } = chunk;
  if (network !== undefined) yield unpackMeta(network);
  if (chunk.limits !== undefined) yield { kind: 'limits', limits: unpackLimits(chunk.limits) };
  for (const { isLost, ...server } of chunk.servers) yield { kind: 'server', server: { ...server, isLive: !isLost } };
  for (const session of chunk.sessions) yield { kind: 'session', session: unpackSession(session) };
  for (const { a, b, link } of chunk.links) yield { kind: 'link', a, b, link: link as LinkType };
  for (const stream of chunk.streams) yield { kind: 'stream', stream: unpackStream(stream) };
  for (const { link, ...ends } of chunk.linkReports) {
    yield { kind: 'report', report: { ...ends, link: link as LinkType } };
  }
  for (const row of chunk.orders) {
    const order = unpackOrder(row);
    yield order && { kind: 'order', order };
  }
  for (const row of chunk.settledOrders) yield { kind: 'settled', ...row };
  for (const { sid, reason, tokenCheck } of chunk.endedSessions) {
    const check = tokenCheck === undefined ? undefined : unpackHidden(tokenCheck);
    yield { kind: 'ended', sid, reason: reason as CloseReason, tokenCheck: check };
  }
  for (const row of chunk.connections) {
    const connection = unpackConnection(row);
    yield connection && { kind: 'connection', connection };
  }
  for (const row of chunk.requests) {
    const request = unpackRequest(row);
    yield request && { kind: 'request', request };
  }
  for (const row of chunk.policies) {
    const policy = unpackPolicy(row);
    yield policy && { kind: 'policy', policy };
  }
  for (const row of chunk.identities) {
    const identity = unpackIdentity(row);
    yield identity && { kind: 'identity', identity };
  }
  for (const row of chunk.tickets) {
    const ticket = unpackTicket(row);
    yield ticket && { kind: 'ticket', ticket };
  }
  for (const row of chunk.auditAnchors) {
    const anchors = unpackServerAnchors(row);
    yield anchors && { kind: 'anchors', anchors };
  }
}

function packMeta(row: MetaRow): NetworkRow {
  return {
    ...row,
    revision: BigInt(row.revision),
    sidCursors: [...row.sidCursors],
    atMs: row.atMs === undefined ? undefined : BigInt(row.atMs),
    identityCursor: row.identityCursor ?? 0,
    rules: row.rules ?? 0,
  };
}

function unpackMeta({ identityCursor, rules, ...network }: NetworkRow): MetaRow {
  const atMs = network.atMs === undefined ? undefined : Number(network.atMs);
  const meta = { kind: 'meta', ...network, revision: Number(network.revision), atMs } as const;
  const ofRules = rules === 0 ? meta : { ...meta, rules };
  return identityCursor === 0 ? ofRules : { ...ofRules, identityCursor };
}

function packCheck({ tokenCheck }: EndedSession): Buffer | undefined {
  return tokenCheck === undefined ? undefined : packHidden(tokenCheck);
}

function packStream(stream: Stream): StreamRow {
  const { sinks, params, revision } = stream;
  return { ...stream, sinks: [...sinks], params: packParams(params), revision: BigInt(revision) };
}

function unpackStream(row: StreamRow): Stream {
  return { ...row, params: wholeParams(row.params), revision: Number(row.revision) };
}

function unpackOrder(row: OrderRow): Order | undefined {
  const { id, sid, deadlineMs, body } = row;
  if (body === undefined) return undefined;
  return { id, sid, deadlineMs, body: unpackBody(body) };
}

type PackedBody = NonNullable<OrderRow['body']>;

function packBody(body: OrderBody): PackedBody {
  if (body.kind === 'terminate') return { $case: 'terminate', value: body };
  return { $case: 'connection', value: { connection: BigInt(body.connection), role: body.role } };
}

function unpackBody(body: PackedBody): OrderBody {
  if (body.$case === 'terminate') return { kind: 'terminate', reason: body.value.reason };
  const { connection, role } = body.value;
  return { kind: 'connection', connection: Number(connection), role: role as ConnectionRole };
}
