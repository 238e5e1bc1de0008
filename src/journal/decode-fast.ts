import type { Command } from '../core/model/command.js';
import type { LinkType } from '../core/model/link.js';
import type { CloseReason, Labels, Session } from '../core/model/session.js';
import type { Row } from '../core/store/snapshot.js';
import { WireReader } from '../protowire/reader.js';
import { unpackLabels } from './fields.js';

/*
 * The messages that a start reads most of, read by hand. Undefined whenever anything about one is not plainly right; the
 * generated decoders then have the word.
 *
 * A tag is written in octal: its last digit is the wire type (0 a varint, 2 something with a length), and what stands before
 * it the number of the field in `switchyard.journal.v1`.
 */

/** The command in the content of a record, when it is one of the three that most of a journal is made of. */
export function readCommand(content: Uint8Array): Command | undefined {
  const wire = new WireReader(bufferOf(content));
  const tag = wire.varint();
  const end = wire.end();
  if (!wire.isSound || end !== content.length) return undefined;
  if (tag === 0o22) return readOpenSession(wire, end);
  if (tag === 0o32) return readCloseSession(wire, end);
  if (tag === 0o62) return readReportLink(wire, end);
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
      if (tag !== 0o22 && tag !== 0o32) return;
      const end = wire.end();
      const row = tag === 0o22 ? readSession(wire, end) : readLink(wire, end);
      if (row === undefined) return;
      this.at = end;
      yield row;
    }
  }
}

function readSession(wire: WireReader, end: number): Row | undefined {
  let [sid, ttlMs, openedAtMs, openedRevision, streamId] = [0, 0, 0, 0, 0];
  let [uuid, name, tokenHash] = ['', '', ''];
  const labels: Label[] = [];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === 0o10) sid = wire.int32();
    else if (tag === 0o22) uuid = wire.text();
    else if (tag === 0o30) ttlMs = wire.uint32();
    else if (tag === 0o42) name = wire.text();
    else if (tag === 0o52) labels.push(readLabel(wire));
    else if (tag === 0o62) tokenHash = wire.latin1();
    else if (tag === 0o70) openedAtMs = wire.varint();
    else if (tag === 0o100) openedRevision = wire.varint();
    else if (tag === 0o110) streamId = wire.int32();
    else return undefined;
  }
  if (!isReadTo(wire, end)) return undefined;
  const about = unpackLabels(labels);
  const session: Session = { sid, uuid, ttlMs, name, labels: about, tokenHash, openedAtMs, openedRevision, streamId };
  return { kind: 'session', session };
}

function readLink(wire: WireReader, end: number): Row | undefined {
  let [a, b, link] = [0, 0, 0];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === 0o10) a = wire.int32();
    else if (tag === 0o20) b = wire.int32();
    else if (tag === 0o30) link = wire.uint32();
    else return undefined;
  }
  return isReadTo(wire, end) ? { kind: 'link', a, b, link: link as LinkType } : undefined;
}

function readOpenSession(wire: WireReader, end: number): Command | undefined {
  let [type, flavor, ttlMs, atMs] = [0, 0, 0, 0];
  let [uuid, name, tokenHash] = ['', '', ''];
  const cells: Label[] = [];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === 0o12) uuid = wire.text();
    else if (tag === 0o20) type = wire.uint32();
    else if (tag === 0o30) flavor = wire.uint32();
    else if (tag === 0o40) ttlMs = wire.uint32();
    else if (tag === 0o52) name = wire.text();
    else if (tag === 0o62) cells.push(readLabel(wire));
    else if (tag === 0o72) tokenHash = wire.latin1();
    else if (tag === 0o100) atMs = wire.varint();
    else return undefined;
  }
  if (!isReadTo(wire, end)) return undefined;
  const labels: Labels = unpackLabels(cells);
  return { kind: 'OpenSession', uuid, type, flavor, ttlMs, name, labels, tokenHash, atMs };
}

function readCloseSession(wire: WireReader, end: number): Command | undefined {
  let [sid, reason] = [0, 0];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === 0o10) sid = wire.int32();
    else if (tag === 0o20) reason = wire.uint32();
    else return undefined;
  }
  return isReadTo(wire, end) ? { kind: 'CloseSession', sid, reason: reason as CloseReason } : undefined;
}

/** Of a brokered link there is more to say: that is left to the generated decoder. */
function readReportLink(wire: WireReader, end: number): Command | undefined {
  let [sid, peer, link, established] = [0, 0, 0, 0];
  while (wire.at < end) {
    const tag = wire.varint();
    if (tag === 0o10) sid = wire.int32();
    else if (tag === 0o20) peer = wire.int32();
    else if (tag === 0o30) link = wire.uint32();
    else if (tag === 0o40) established = wire.uint32();
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
    if (tag === 0o12) key = wire.text();
    else if (tag === 0o22) value = wire.text();
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
