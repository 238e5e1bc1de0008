import { setImmediate } from 'node:timers/promises';
import type { Database } from 'lmdb';
import { FrameKind, unsealNumber } from '../format/frame.js';
import { decodeHeader, type FolderHeader } from '../format/header.js';
import { JournalError, type StoredRecord } from '../journal.js';
import { READ_BYTES_MAX, READ_RECORDS_MAX } from '../limits.js';
import { journalError } from './failure.js';

/** The bytes of one of the databases in a data folder. */
export type Bytes = Database<Uint8Array, Buffer>;

const REVISION_BYTES = 8;
const PART_BYTES = 4;
const NO_PREFIX = Buffer.alloc(0);

/** The key of a record, or of a snapshot's mark. */
export function revisionKey(revision: number, prefix: Buffer = NO_PREFIX): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + REVISION_BYTES);
  key.set(prefix);
  key.writeBigUInt64BE(BigInt(revision), prefix.length);
  return key;
}

/** The key of a part of a snapshot. */
export function partKey(revision: number, part: number, prefix: Buffer = NO_PREFIX): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + REVISION_BYTES + PART_BYTES);
  key.set(revisionKey(revision, prefix));
  key.writeUInt32BE(part, prefix.length + REVISION_BYTES);
  return key;
}

/** The revision in any of these keys. */
export function revisionOf(key: Buffer, prefix: Buffer = NO_PREFIX): number {
  return Number(key.readBigUInt64BE(prefix.length));
}

/** Whether a key of "snapshots" is a mark's. */
export function isMark(key: Buffer, prefix: Buffer = NO_PREFIX): boolean {
  return key.length === prefix.length + REVISION_BYTES;
}

/** A run of keys in one database that belongs to one journal: all that begin with a prefix. */
export interface SectionKeys {
  readonly database: Bytes;
  readonly prefix: Buffer;
}

/** Where the parts of one journal stand in an environment. */
export interface SectionLayout {
  /** What it is called for people. */
  readonly what: string;
  readonly records: SectionKeys;
  readonly snapshots: SectionKeys;
  readonly header: { readonly database: Bytes; readonly key: Buffer };
}

/**
 * One journal of a data folder, as far as reading goes.
 *
 * Every read is one short run over the keys, so no read transaction outlives a turn of the event loop: one that did
 * would keep LMDB from using freed pages again, and the file would grow.
 */
export class Section {
  readonly layout: SectionLayout;

  constructor(layout: SectionLayout) {
    this.layout = layout;
  }

  /** The key of a record. */
  recordKey(revision: number): Buffer {
    return revisionKey(revision, this.layout.records.prefix);
  }

  /** The key of a snapshot's mark. */
  markKey(revision: number): Buffer {
    return revisionKey(revision, this.layout.snapshots.prefix);
  }

  /** The key of a part of a snapshot. */
  partKey(revision: number, part: number): Buffer {
    return partKey(revision, part, this.layout.snapshots.prefix);
  }

  /** The header's frame; undefined in a journal that has none yet. */
  headerFrame(): Uint8Array | undefined {
    const { database, key } = this.layout.header;
    return database.get(key);
  }

  /** What the header says; undefined in a journal that has none yet. Throws a {@link JournalError} when it is damaged. */
  headerContent(): FolderHeader | undefined {
    const frame = this.headerFrame();
    return frame && decodeHeader(frame, `the header of ${this.layout.what}`);
  }

  /** Revision of the last record; 0 when there is none. */
  lastRecord(): number {
    const { database, prefix } = this.layout.records;
    const range = { reverse: true, limit: 1, start: endOf(prefix), end: prefix };
    return this.readable(this.layout.what, undefined, () => {
      for (const key of database.getKeys(prefix.length === 0 ? { reverse: true, limit: 1 } : range)) {
        return revisionOf(key, prefix);
      }
      return 0;
    });
  }

  /** The keys of the records up to and including a revision, at most `limit`. */
  recordKeysUpTo(revision: number, limit: number): Iterable<Buffer> {
    const { database, prefix } = this.layout.records;
    return database.getKeys({ start: prefix, end: this.recordKey(revision + 1), limit });
  }

  /** The keys of all parts and marks of snapshots before a revision, at most `limit`. */
  snapshotKeysBefore(revision: number, limit: number): Iterable<Buffer> {
    const { database, prefix } = this.layout.snapshots;
    return database.getKeys({ start: prefix, end: this.markKey(revision), limit });
  }

  /** The keys of all parts and marks of snapshots. */
  snapshotKeys(): Iterable<Buffer> {
    const { database, prefix } = this.layout.snapshots;
    return database.getKeys(prefix.length === 0 ? {} : { start: prefix, end: endOf(prefix) });
  }

  /** Whether a key of a snapshot is its mark. */
  isMark(key: Buffer): boolean {
    return isMark(key, this.layout.snapshots.prefix);
  }

  /** The revision of a snapshot's key. */
  revisionOf(key: Buffer): number {
    return revisionOf(key, this.layout.snapshots.prefix);
  }

  /** The records that are there, after one revision and up to another. What is missing is left out. */
  async *recordsAfter(after: number, last: number): AsyncGenerator<StoredRecord> {
    for await (const slice of this.slicesAfter(after, last)) yield* slice;
  }

  /** The same, as many at a time as are read in one go. */
  async *slicesAfter(after: number, last: number): AsyncGenerator<readonly StoredRecord[]> {
    for (let from = after + 1; from <= last; ) {
      const what = `${this.layout.what} from record ${from} on`;
      const slice = this.readable(what, from, () => this.slice(from, last));
      if (slice.length === 0) return;
      yield slice;
      from = slice[slice.length - 1].revision + 1;
      await setImmediate();
    }
  }

  /** The revisions of the snapshots that count, ascending. */
  snapshotRevisions(): number[] {
    const read = () => [...this.snapshotKeys()].filter((key) => this.isMark(key)).map((key) => this.revisionOf(key));
    return this.readable(this.layout.what, undefined, read);
  }

  /** The parts of a snapshot that counts. Throws a {@link JournalError} where one is missing. */
  async *parts(revision: number): AsyncGenerator<Uint8Array> {
    const what = `the snapshot at revision ${revision}`;
    const { database } = this.layout.snapshots;
    const stored = (key: Buffer) => this.readable(what, revision, () => database.get(key));
    const mark = stored(this.markKey(revision));
    if (mark === undefined) throw new JournalError('damaged', `${what} is not there any more`, { revision });
    const count = unsealNumber(FrameKind.SNAPSHOT_MARK, { revision, part: 0 }, mark, what);
    for (let part = 0; part < count; part++) {
      const bytes = stored(this.partKey(revision, part));
      if (bytes === undefined) {
        throw new JournalError('damaged', `${what} is damaged: part ${part} of ${count} is missing`, { revision });
      }
      yield bytes;
      await setImmediate();
    }
  }

  private slice(from: number, last: number): StoredRecord[] {
    const { database, prefix } = this.layout.records;
    const slice: StoredRecord[] = [];
    let bytes = 0;
    const range = { start: this.recordKey(from), end: this.recordKey(last + 1), limit: READ_RECORDS_MAX };
    for (const { key, value } of database.getRange(range)) {
      slice.push({ revision: revisionOf(key, prefix), bytes: value });
      bytes += value.length;
      if (bytes >= READ_BYTES_MAX) break;
    }
    return slice;
  }

  /** What was read, or a {@link JournalError} about a revision when LMDB's own pages are damaged. */
  private readable<T>(what: string, revision: number | undefined, read: () => T): T {
    try {
      return read();
    } catch (thrown) {
      const { kind, message, cause } = journalError(thrown, `cannot read ${what}`);
      throw new JournalError(kind, message, { revision, cause });
    }
  }
}

/** The first key behind all that begin with a prefix. */
export function endOf(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1]++;
  return end;
}
