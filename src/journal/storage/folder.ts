import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Database, open, type RootDatabase } from 'lmdb';
import { FrameKind, unsealNumber } from '../format/frame.js';
import { decodeHeader, type FolderHeader } from '../format/header.js';
import { JournalError, type StoredRecord } from '../journal.js';
import { READ_BYTES_MAX, READ_RECORDS_MAX } from '../limits.js';
import { checkDataFile } from './datafile.js';
import { journalError } from './failure.js';

/*
 * What stands in DIR/data.mdb, an LMDB environment. Keys and values are bytes; integers are unsigned, big-endian, so
 * keys sort as their numbers do. Every value is a frame (frame.ts).
 *
 *   database        key                          value
 *   (unnamed)       "header"                     a header (header.ts): the format, and what was compacted away
 *   "records"       revision 8 B                 a record: the command of that revision
 *   "snapshots"     revision 8 B                 a mark: from here on the snapshot counts, with so many parts
 *   "snapshots"     revision 8 B | part 4 B      a part of the snapshot, from 0
 *   "writer"        "writer"                     nothing; its LMDB version counts those who have written here, one after the
 *                                                other. Every transaction is on the condition that it is its own
 */

/** The bytes of one of the databases in a data folder. */
export type Bytes = Database<Uint8Array, Buffer>;

/** Where the header stands. */
export const HEADER_KEY = Buffer.from('header');
/** Where the count of writers stands. */
const WRITER_KEY = Buffer.from('writer');

const NOTHING = Buffer.alloc(0);
const KEYS_AND_VALUES = { keyEncoding: 'binary', encoding: 'binary' } as const;
const REVISION_BYTES = 8;

/** The key of a record, or of a snapshot's mark. */
export function revisionKey(revision: number): Buffer {
  const key = Buffer.allocUnsafe(REVISION_BYTES);
  key.writeBigUInt64BE(BigInt(revision));
  return key;
}

/** The key of a part of a snapshot. */
export function partKey(revision: number, part: number): Buffer {
  const key = Buffer.allocUnsafe(REVISION_BYTES + 4);
  key.writeBigUInt64BE(BigInt(revision));
  key.writeUInt32BE(part, REVISION_BYTES);
  return key;
}

/** The revision in any of these keys. */
export function revisionOf(key: Buffer): number {
  return Number(key.readBigUInt64BE());
}

/** Whether a key of "snapshots" is a mark's. */
export function isMark(key: Buffer): boolean {
  return key.length === REVISION_BYTES;
}

/**
 * An open data folder, as far as reading goes. The caller has its lock.
 *
 * Every read is one short run over the keys, so no read transaction outlives a turn of the event loop: one that did
 * would keep LMDB from using freed pages again, and the file would grow.
 */
export class Folder {
  private constructor(
    readonly path: string,
    readonly header: RootDatabase<Uint8Array, Buffer>,
    readonly records: Bytes,
    readonly snapshots: Bytes,
    private readonly writer: Bytes,
  ) {}

  /** The file that holds everything. */
  static fileOf(path: string): string {
    return join(path, 'data.mdb');
  }

  /** Whether somebody began a journal in this folder. */
  static exists(path: string): boolean {
    return existsSync(Folder.fileOf(path));
  }

  /**
   * Opens a folder. Throws a {@link JournalError} when it is a newer build's or no journal, and changes nothing then; a
   * new folder gets its databases, and its header from the caller.
   */
  static async open(path: string, readOnly: boolean): Promise<Folder> {
    checkDataFile(path, readOnly);
    return Folder.openChecked(path, readOnly);
  }

  /**
   * Opens a folder to copy it while another process may write to it: LMDB lets any number of processes read. Nothing of the file is
   * changed, so that one which was cut short is not filled up: the caller has looked at that.
   */
  static openBesideWriter(path: string): Promise<Folder> {
    return Folder.openChecked(path, true);
  }

  private static async openChecked(path: string, readOnly: boolean): Promise<Folder> {
    let header: RootDatabase<Uint8Array, Buffer> | undefined;
    try {
      // overlappingSync off: the transaction's pages are synced, then its meta page, and only then is it there, as
      // LMDB itself does it. eventTurnBatching off: an append is a transaction of its own, and its failure is told once.
      const sync = { overlappingSync: false, eventTurnBatching: false };
      const modes = { readOnly, noSubdir: false, permissionsMode: 0o600 };
      header = open({ path, ...modes, ...sync, ...KEYS_AND_VALUES });
      checkHeader(path, header.get(HEADER_KEY), readOnly);
      const records: Bytes = header.openDB({ name: 'records', ...KEYS_AND_VALUES });
      const snapshots: Bytes = header.openDB({ name: 'snapshots', ...KEYS_AND_VALUES });
      const writer: Bytes = header.openDB({ name: 'writer', ...KEYS_AND_VALUES, useVersions: true });
      return new Folder(path, header, records, snapshots, writer);
    } catch (thrown) {
      await header?.close();
      throw journalError(thrown, `cannot open ${path}`);
    }
  }

  /** The header's frame; undefined in a folder that has none yet. */
  headerFrame(): Uint8Array | undefined {
    return this.header.get(HEADER_KEY);
  }

  /**
   * Becomes the writer that the folder's transactions belong to: those of everybody who claimed it before take place no more.
   * Resolves to this writer's number, or undefined when another claims it in the same moment.
   */
  async claim(): Promise<number | undefined> {
    const before = this.writer.getEntry(WRITER_KEY)?.version;
    const number = (before ?? 0) + 1;
    const put = () => void this.writer.put(WRITER_KEY, NOTHING, number);
    const isDone =
      before === undefined ? this.writer.ifNoExists(WRITER_KEY, put) : this.writer.ifVersion(WRITER_KEY, before, put);
    return (await isDone) ? number : undefined;
  }

  /**
   * One transaction: what `write` puts and removes takes place as a whole and is synced, or nothing does. Resolves to false, and
   * nothing has taken place, when another writer than this has claimed the folder.
   */
  write(writer: number, write: () => void): Promise<boolean> {
    return this.writer.ifVersion(WRITER_KEY, writer, write);
  }

  /** What the header says; undefined in a folder that has none yet. Throws a {@link JournalError} when it is damaged. */
  headerContent(): FolderHeader | undefined {
    const frame = this.headerFrame();
    return frame && decodeHeader(frame, `the header of ${this.path}`);
  }

  /** Revision of the last record; 0 when there is none. */
  lastRecord(): number {
    return readable(this.path, undefined, () => {
      for (const key of this.records.getKeys({ reverse: true, limit: 1 })) return revisionOf(key);
      return 0;
    });
  }

  /** The records that are there, after one revision and up to another. What is missing is left out. */
  async *recordsAfter(after: number, last: number): AsyncGenerator<StoredRecord> {
    for await (const slice of this.slicesAfter(after, last)) yield* slice;
  }

  /** The same, as many at a time as are read in one go. */
  async *slicesAfter(after: number, last: number): AsyncGenerator<readonly StoredRecord[]> {
    for (let from = after + 1; from <= last; ) {
      const slice = readable(`${this.path} from record ${from} on`, from, () => this.slice(from, last));
      if (slice.length === 0) return;
      yield slice;
      from = slice[slice.length - 1].revision + 1;
      await setImmediate();
    }
  }

  /** The revisions of the snapshots that count, ascending. */
  snapshotRevisions(): number[] {
    return readable(this.path, undefined, () => [...this.snapshots.getKeys()].filter(isMark).map(revisionOf));
  }

  /** The parts of a snapshot that counts. Throws a {@link JournalError} where one is missing. */
  async *parts(revision: number): AsyncGenerator<Uint8Array> {
    const what = `the snapshot at revision ${revision}`;
    const stored = (key: Buffer) => readable(what, revision, () => this.snapshots.get(key));
    const mark = stored(revisionKey(revision));
    if (mark === undefined) throw new JournalError('damaged', `${what} is not there any more`, { revision });
    const count = unsealNumber(FrameKind.SNAPSHOT_MARK, { revision, part: 0 }, mark, what);
    for (let part = 0; part < count; part++) {
      const bytes = stored(partKey(revision, part));
      if (bytes === undefined) {
        throw new JournalError('damaged', `${what} is damaged: part ${part} of ${count} is missing`, { revision });
      }
      yield bytes;
      await setImmediate();
    }
  }

  /**
   * Makes a data file in an empty folder with everything that one read transaction sees, without free pages. Appends go on meanwhile,
   * and this folder's file grows by what they write.
   */
  async copyTo(folder: string): Promise<void> {
    await this.header.backup(folder, true);
  }

  /** Bytes on disk. */
  size(): number {
    return statSync(Folder.fileOf(this.path)).size;
  }

  async close(): Promise<void> {
    await this.header.close();
  }

  private slice(from: number, last: number): StoredRecord[] {
    const slice: StoredRecord[] = [];
    let bytes = 0;
    const range = { start: revisionKey(from), end: revisionKey(last + 1), limit: READ_RECORDS_MAX };
    for (const { key, value } of this.records.getRange(range)) {
      slice.push({ revision: revisionOf(key), bytes: value });
      bytes += value.length;
      if (bytes >= READ_BYTES_MAX) break;
    }
    return slice;
  }
}

/** What was read, or a {@link JournalError} about a revision when LMDB's own pages are damaged. */
function readable<T>(what: string, revision: number | undefined, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const { kind, message, cause } = journalError(thrown, `cannot read ${what}`);
    throw new JournalError(kind, message, { revision, cause });
  }
}

/** Before anything is written: a newer build's folder is left as it is, and one without a header is for a writer. */
function checkHeader(path: string, frame: Uint8Array | undefined, readOnly: boolean): void {
  if (frame !== undefined) decodeHeader(frame, `the folder ${path}`);
  else if (readOnly) throw new JournalError('damaged', `the journal in ${path} has no header`);
}
