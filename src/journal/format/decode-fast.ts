import type { Command } from '../../core/model/command.js';
import type { LinkType } from '../../core/model/link.js';
import type { CloseReason, Labels, Session } from '../../core/model/session.js';
import type { Row } from '../../core/store/snapshot.js';
import { WireReader } from '../../protowire/reader.js';
import { lengthTag, varintTag } from '../../protowire/tag.js';
import { unpackLabels } from './fields.js';

/*
 * The messages that a start reads most of, read by hand. Undefined whenever anything about one is not plainly right; the
 * generated decoders then have the word.
 */

/** The commands in a Command that are read here. */
const COMMAND_TAG = {
  openSession: lengthTag(2),
  closeSession: lengthTag(3),
  reportLink: lengthTag(6),
  /** Beside the command. */
  atMs: varintTag(100),
} as const;

/** The rows in a SnapshotChunk that are read here. */
const CHUNK_TAG = {
  sessions: lengthTag(2),
  links: lengthTag(3),
} as const;

/** The fields of a SessionRow. */
const SESSION_ROW_TAG = {
  sid: varintTag(1),
  uuid: lengthTag(2),
  ttlMs: varintTag(3),
  name: lengthTag(4),
  labels: lengthTag(5),
  tokenHash: lengthTag(6),
  openedAtMs: varintTag(7),
  openedRevision: varintTag(8),
  streamId: varintTag(9),
  keyId: lengthTag(10),
  identity: lengthTag(11),
  home: varintTag(12),
} as const;

/** The fields of a LinkRow. */
const LINK_ROW_TAG = {
  a: varintTag(1),
  b: varintTag(2),
  link: varintTag(3),
} as const;

/** The fields of an OpenSession. */
const OPEN_SESSION_TAG = {
  uuid: lengthTag(1),
  type: varintTag(2),
  flavor: varintTag(3),
  ttlMs: varintTag(4),
  name: lengthTag(5),
  labels: lengthTag(6),
  tokenHash: lengthTag(7),
  atMs: varintTag(8),
  server: varintTag(9),
  identity: lengthTag(10),
  binding: lengthTag(11),
  bindKey: lengthTag(13),
} as const;

/** The fields of a CloseSession. */
const CLOSE_SESSION_TAG = {
  sid: varintTag(1),
  reason: varintTag(2),
  home: varintTag(3),
} as const;

/** The fields of a ReportLink without a brokered connection. */
const REPORT_LINK_TAG = {
  sid: varintTag(1),
  peer: varintTag(2),
  link: varintTag(3),
  established: varintTag(4),
} as const;

/** The fields of a Label. */
const LABEL_TAG = {
  key: lengthTag(1),
  value: lengthTag(2),
} as const;

/** The command in the content of a record, when it is one of the three that most of a journal is made of. */
export function readCommand(content: Uint8Array): Command | undefined {
  const wire = new WireReader(bufferOf(content));
  const tag = wire.varint();
  const end = wire.end();
  if (!wire.isSound || end > content.length) return undefined;
  const command = readKind(wire, tag, end);
  if (command === undefined || end === content.length) return command;
  if (wire.varint() !== COMMAND_TAG.atMs) return undefined;
  const storedAtMs = wire.varint();
  if (!isReadTo(wire, content.length)) return undefined;
  // Not a copy: this is what most of a journal is.
  return Object.assign(command, { storedAtMs });
}

function readKind(wire: WireReader, tag: number, end: number): Command | undefined {
  if (tag === COMMAND_TAG.openSession) return readOpenSession(wire, end);
  if (tag === COMMAND_TAG.closeSession) return readCloseSession(wire, end);
  if (tag === COMMAND_TAG.reportLink) return readReportLink(wire, end);
  return undefined;
}

/**
 * Reads the sessions and links at the beginning of a SnapshotChunk.
 *
 * A part holds its rows kind by kind, so these are all that it has, behind the meta row of the first. `at` is where it stopped.
 */
export class RowReader implements Iterable<Row> {
  constructor(
    private readonly content: Uint8Array,
    /** The first byte that was not read. Whatever stands there is the generated decoder's. */
    public at = 0,
  ) {}

  *[Symbol.iterator](): Iterator<Row> {
    const wire = new WireReader(bufferOf(this.content), this.at);
    while (wire.at < this.content.length) {
      const tag = wire.varint();
      if (tag !== CHUNK_TAG.sessions && tag !== CHUNK_TAG.links) return;
      const end = wire.end();
      const row = tag === CHUNK_TAG.sessions ? readSession(wire, end) : readLink(wire, end);
      if (row === undefined) return;
      this.at = end;
      yield row;
    }
  }
}

function readSession(wire: WireReader, end: number): Row | undefined {
  let [sid, ttlMs, openedAtMs, openedRevision, streamId, home] = [0, 0, 0, 0, 0, 0];
  let [uuid, name, tokenHash, keyId, identity] = ['', '', '', '', ''];
  const labels: Label[] = [];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === SESSION_ROW_TAG.sid) sid = wire.int32();
    else if (tag === SESSION_ROW_TAG.uuid) uuid = wire.text();
    else if (tag === SESSION_ROW_TAG.ttlMs) ttlMs = wire.uint32();
    else if (tag === SESSION_ROW_TAG.name) name = wire.text();
    else if (tag === SESSION_ROW_TAG.labels) labels.push(readLabel(wire));
    else if (tag === SESSION_ROW_TAG.tokenHash) tokenHash = wire.latin1();
    else if (tag === SESSION_ROW_TAG.openedAtMs) openedAtMs = wire.varint();
    else if (tag === SESSION_ROW_TAG.openedRevision) openedRevision = wire.varint();
    else if (tag === SESSION_ROW_TAG.streamId) streamId = wire.int32();
    else if (tag === SESSION_ROW_TAG.keyId) keyId = wire.latin1();
    else if (tag === SESSION_ROW_TAG.identity) identity = wire.text();
    else if (tag === SESSION_ROW_TAG.home) home = wire.int32();
    else return undefined;
  }
  if (!isReadTo(wire, end)) return undefined;
  const about = unpackLabels(labels);
  const plain: Session = { sid, uuid, ttlMs, name, labels: about, tokenHash, openedAtMs, openedRevision, streamId };
  const session = home === 0 ? plain : { ...plain, home };
  if (keyId === '') return identity === '' ? { kind: 'session', session } : undefined;
  return { kind: 'session', session: identity === '' ? { ...session, keyId } : { ...session, keyId, identity } };
}

function readLink(wire: WireReader, end: number): Row | undefined {
  let [a, b, link] = [0, 0, 0];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === LINK_ROW_TAG.a) a = wire.int32();
    else if (tag === LINK_ROW_TAG.b) b = wire.int32();
    else if (tag === LINK_ROW_TAG.link) link = wire.uint32();
    else return undefined;
  }
  return isReadTo(wire, end) ? { kind: 'link', a, b, link: link as LinkType } : undefined;
}

function readOpenSession(wire: WireReader, end: number): Command | undefined {
  let [type, flavor, ttlMs, atMs, server] = [0, 0, 0, 0, 0];
  let [uuid, name, tokenHash, identity, keyId, key] = ['', '', '', '', '', ''];
  const cells: Label[] = [];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === OPEN_SESSION_TAG.uuid) uuid = wire.text();
    else if (tag === OPEN_SESSION_TAG.type) type = wire.uint32();
    else if (tag === OPEN_SESSION_TAG.flavor) flavor = wire.uint32();
    else if (tag === OPEN_SESSION_TAG.ttlMs) ttlMs = wire.uint32();
    else if (tag === OPEN_SESSION_TAG.name) name = wire.text();
    else if (tag === OPEN_SESSION_TAG.labels) cells.push(readLabel(wire));
    else if (tag === OPEN_SESSION_TAG.tokenHash) tokenHash = wire.latin1();
    else if (tag === OPEN_SESSION_TAG.atMs) atMs = wire.varint();
    else if (tag === OPEN_SESSION_TAG.server) server = wire.int32();
    else if (tag === OPEN_SESSION_TAG.identity) identity = wire.text();
    else if (tag === OPEN_SESSION_TAG.binding) keyId = wire.latin1();
    else if (tag === OPEN_SESSION_TAG.bindKey) key = wire.latin1();
    else return undefined;
  }
  if (!isReadTo(wire, end)) return undefined;
  const labels: Labels = unpackLabels(cells);
  const plain = { kind: 'OpenSession', uuid, type, flavor, ttlMs, name, labels, tokenHash, atMs } as const;
  const placed = server === 0 ? plain : { ...plain, server };
  if (identity === '') return keyId === '' && key === '' ? placed : undefined;
  return { ...placed, proven: key === '' ? { identity, keyId } : { identity, keyId, key } };
}

function readCloseSession(wire: WireReader, end: number): Command | undefined {
  let [sid, reason, home] = [0, 0, 0];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === CLOSE_SESSION_TAG.sid) sid = wire.int32();
    else if (tag === CLOSE_SESSION_TAG.reason) reason = wire.uint32();
    else if (tag === CLOSE_SESSION_TAG.home) home = wire.int32();
    else return undefined;
  }
  if (!isReadTo(wire, end)) return undefined;
  const close = { kind: 'CloseSession', sid, reason: reason as CloseReason } as const;
  return home === 0 ? close : { ...close, home };
}

/** Of a brokered link there is more to say: that is left to the generated decoder. */
function readReportLink(wire: WireReader, end: number): Command | undefined {
  let [sid, peer, link, established] = [0, 0, 0, 0];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === REPORT_LINK_TAG.sid) sid = wire.int32();
    else if (tag === REPORT_LINK_TAG.peer) peer = wire.int32();
    else if (tag === REPORT_LINK_TAG.link) link = wire.uint32();
    else if (tag === REPORT_LINK_TAG.established) established = wire.uint32();
    else return undefined;
  }
  if (!isReadTo(wire, end)) return undefined;
  return { kind: 'ReportLink', sid, peer, link: link as LinkType, established: established !== 0 };
}

interface Label {
  readonly key: string;
  readonly value: string;
}

function readLabel(wire: WireReader): Label {
  const end = wire.end();
  let [key, value] = ['', ''];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === LABEL_TAG.key) key = wire.text();
    else if (tag === LABEL_TAG.value) value = wire.text();
    else wire.isSound = false;
  }
  if (wire.at !== end) wire.isSound = false;
  return { key, value };
}

function isReadTo(wire: WireReader, end: number): boolean {
  return wire.isSound && wire.at === end;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
