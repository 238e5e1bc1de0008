import { dirname, resolve } from 'node:path';
import { ensurePrivateFolder, syncFolder } from '../../base/private-files.js';
import { version } from '../../base/version.js';
import type { Limits } from '../../core/model/limits.js';
import { FrameKind, NEW_FOLDER_FORMAT, sealNumber } from '../format/frame.js';
import { encodeHeader, type FolderHeader } from '../format/header.js';
import { type Journal, JournalError, type StoredRecord, type StoredSnapshot } from '../journal.js';
import { REMOVE_KEYS_MAX, SPACE_KEPT_BYTES } from '../limits.js';
import { checkFollows, checkFormat, checkNewSnapshot, formatWith, gapless } from '../sequence.js';
import { commitError, journalError } from './failure.js';
import { Folder, HEADER_KEY, isMark, partKey, revisionKey, revisionOf } from './folder.js';
import { FolderLock, type Hold } from './lock.js';
import { freeBytes as freeBytesOf } from './space.js';

/** The header of a folder that is new, and of one of format 1 that moves on. */
const NEW_HEADER: FolderHeader = {
  format: NEW_FOLDER_FORMAT,
  compacted: 0,
  initialLimits: undefined,
  release: version(),
};

/**
 * The journal on disk: an LMDB environment in a folder of its own, laid out as folder.ts shows.
 *
 * What a crash leaves behind is what the last transaction left, so there is nothing to recover:
 * 1. An append is one transaction: its records are all there or none is.
 * 2. A snapshot counts from the transaction that writes its mark, after all its parts. Parts without a mark are removed
 *    when the folder is opened.
 * 3. Compaction first writes into the header what does not count any more, and takes the marks away, in one
 *    transaction; then it removes, a few keys at a time. What is left over goes with the next compaction.
 */
export class LmdbJournal implements Journal {
  last: number;
  private header: FolderHeader;
  private moving: Limits | undefined;
  private marks: number[];
  private appending = false;
  private storing = false;
  private broken: JournalError | undefined;
  /** Its number among those who have written here; undefined until it writes. */
  private writer: number | undefined;
  /** The claim that is under way. */
  private claiming: Promise<number> | undefined;
  private closed: Promise<void> | undefined;

  private constructor(
    private readonly folder: Folder,
    private readonly lock: Hold,
    private readonly freeBytes: (path: string) => number,
  ) {
    this.header = folder.headerContent() ?? NEW_HEADER;
    this.marks = folder.snapshotRevisions();
    this.last = Math.max(folder.lastRecord(), this.compacted);
  }

  /**
   * Opens the journal in a folder, and makes both when they are not there. Throws a {@link JournalError}: `locked`,
   * `version` (and nothing was changed), `damaged`, `full` or `failed`. `freeBytes` and `takeLock` are others only in tests.
   */
  static async open(
    path: string,
    freeBytes = freeBytesOf,
    takeLock: (path: string) => Hold = FolderLock.take,
  ): Promise<LmdbJournal> {
    const firstMade = makeFolder(path);
    const lock = takeLock(path);
    let folder: Folder | undefined;
    try {
      folder = await Folder.open(path, false);
      const journal = new LmdbJournal(folder, lock, freeBytes);
      if (folder.headerFrame() === undefined) {
        await journal.found();
        syncNames(path, firstMade ?? path);
      }
      await journal.removeUnfinished();
      return journal;
    } catch (error) {
      await folder?.close();
      lock.release();
      throw error;
    }
  }

  get format(): number {
    return this.header.format;
  }

  get compacted(): number {
    return this.header.compacted;
  }

  get initialLimits(): Limits | undefined {
    return this.header.initialLimits;
  }

  moveOn(initialLimits: Limits): void {
    if (this.format < NEW_FOLDER_FORMAT) this.moving = initialLimits;
  }

  async append(records: readonly StoredRecord[]): Promise<void> {
    if (this.appending) throw new Error('an append began before the one before had ended');
    if (this.broken !== undefined) throw this.broken;
    checkFollows(this.last, records);
    checkFormat(this.format, this.moving);
    this.appending = true;
    try {
      const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
      await this.commit(bytes, () => {
        this.changeHeader(this.headerWith(records));
        for (const record of records) this.folder.records.put(revisionKey(record.revision), record.bytes);
      });
      this.last += records.length;
      this.moving = undefined;
    } finally {
      this.appending = false;
    }
  }

  snapshots(): readonly number[] {
    return this.marks;
  }

  /** The header of the journal with these records added: the same one, unless they need another. */
  private headerWith(records: readonly StoredRecord[]): FolderHeader {
    const { header, moving } = this;
    const moved = moving === undefined ? header : { ...NEW_HEADER, compacted: header.compacted, initialLimits: moving };
    const format = formatWith(moved.format, records);
    return format === moved.format ? moved : { ...moved, format, release: NEW_HEADER.release };
  }

  openSnapshot(revision: number): StoredSnapshot {
    if (!this.marks.includes(revision)) throw new Error(`there is no snapshot at revision ${revision}`);
    return { revision, chunks: () => this.folder.parts(revision) };
  }

  read(after: number): AsyncGenerator<readonly StoredRecord[]> {
    const { last, compacted } = this;
    return gapless({ compacted, after, last }, this.folder.slicesAfter(after, last));
  }

  async writeSnapshot(revision: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.storing) throw new Error('a snapshot began before the one before had ended');
    checkNewSnapshot(this.compacted, this.last, this.marks, revision);
    this.storing = true;
    const { snapshots } = this.folder;
    try {
      let part = 0;
      for await (const chunk of chunks) {
        const key = partKey(revision, part++);
        await this.commit(chunk.length, () => snapshots.put(key, chunk));
      }
      const mark = sealNumber(FrameKind.SNAPSHOT_MARK, { revision, part: 0 }, part);
      await this.commit(mark.length, () => snapshots.put(revisionKey(revision), mark));
      this.marks = [...this.marks, revision].sort((x, y) => x - y);
    } catch (error) {
      await this.removeUnfinished();
      throw error;
    } finally {
      this.storing = false;
    }
  }

  async compact(revision: number): Promise<void> {
    const { snapshots, records } = this.folder;
    if (!this.marks.includes(revision)) throw new Error(`there is no snapshot at revision ${revision} to compact to`);
    const before = this.marks.filter((mark) => mark < revision);
    await this.commit(0, () => {
      this.changeHeader({ ...this.header, compacted: revision });
      for (const mark of before) snapshots.remove(revisionKey(mark));
    });
    this.marks = this.marks.filter((mark) => mark >= revision);
    await this.removeKeys(snapshots, () => snapshots.getKeys({ end: revisionKey(revision), limit: REMOVE_KEYS_MAX }));
    await this.removeKeys(records, () => records.getKeys({ end: revisionKey(revision + 1), limit: REMOVE_KEYS_MAX }));
  }

  size(): number {
    return this.folder.size();
  }

  close(): Promise<void> {
    this.closed ??= this.folder.close().finally(() => this.lock.release());
    return this.closed;
  }

  /**
   * One transaction: what `write` puts and removes takes place as a whole and is synced, or nothing does. Throws a
   * {@link JournalError}: `full`, `failed`, or `locked` when the folder is not this writer's any more. After anything but `full`
   * every later transaction is refused with the same error: what the disk holds is not known until it is read again.
   */
  private async commit(bytes: number, write: () => void): Promise<void> {
    if (this.broken !== undefined) throw this.broken;
    try {
      await this.transact(bytes, write);
    } catch (thrown) {
      const error = journalError(thrown, `cannot write to ${this.folder.path}`);
      if (error.kind !== 'full') this.broken ??= error;
      // What the transaction would have made of it did not come about.
      else this.header = this.folder.headerContent() ?? NEW_HEADER;
      throw error;
    }
  }

  /**
   * Hands one transaction to LMDB. On a nearly full disk it is not even tried: LMDB would undo it, but lmdb's own report
   * of a refused write overruns its buffer, and that can end the process.
   */
  private async transact(bytes: number, write: () => void): Promise<void> {
    const { path } = this.folder;
    const free = this.freeBytes(path);
    if (free < SPACE_KEPT_BYTES + 2 * bytes) {
      throw new JournalError('full', `cannot write to ${path}: no space left (${free} bytes on its disk)`);
    }
    if (!this.lock.holds())
      throw new JournalError('locked', `${path} does not hold the journal that was opened any more`);
    try {
      // LMDB would say so in a turn of its own, where nobody hears it.
      if (this.closed !== undefined) throw new Error('the journal is closed');
      this.writer ??= await this.claimOnce();
      if (await this.folder.write(this.writer, write)) return;
    } catch (thrown) {
      throw await commitError(thrown, path, bytes);
    }
    throw this.takenOver();
  }

  /** One claim for all transactions that are the first: a second would be taken for another writer's. */
  private claimOnce(): Promise<number> {
    this.claiming ??= this.claim().finally(() => {
      this.claiming = undefined;
    });
    return this.claiming;
  }

  /**
   * From here on what others write here does not count. It is claimed before the first transaction and not at the start, so that
   * a journal can be read on a disk that takes nothing.
   */
  private async claim(): Promise<number> {
    const { folder } = this;
    const writer = await folder.claim();
    // What another wrote before the claim, and after this one has looked.
    const isAsRead =
      (folder.headerContent()?.compacted ?? 0) === this.compacted &&
      Math.max(folder.lastRecord(), this.compacted) === this.last;
    if (writer === undefined || !isAsRead) throw this.takenOver();
    return writer;
  }

  private takenOver(): JournalError {
    return new JournalError(
      'locked',
      `another process writes to ${this.folder.path}: one process at a time can use a data folder`,
    );
  }

  /** Writes the first header. */
  private async found(): Promise<void> {
    if (this.last > 0 || this.marks.length > 0) {
      throw new JournalError('damaged', `${this.folder.path} has records and no header`);
    }
    await this.commit(0, () => this.putHeader(this.header));
  }

  /**
   * For a transaction's `write`: the header from here on. It is another at once, so that of two transactions on their way the later
   * goes on from what the earlier writes.
   */
  private changeHeader(header: FolderHeader): void {
    if (header === this.header) return;
    this.header = header;
    this.putHeader(header);
  }

  private putHeader(header: FolderHeader): void {
    this.folder.header.put(HEADER_KEY, encodeHeader(header));
  }

  /** Removes the parts of snapshots that were never finished. */
  private async removeUnfinished(): Promise<void> {
    const { snapshots } = this.folder;
    const finished = new Set(this.marks);
    const left: Buffer[] = [];
    for (const key of snapshots.getKeys()) if (!isMark(key) && !finished.has(revisionOf(key))) left.push(key);
    await this.removeKeys(snapshots, () => left.splice(0, REMOVE_KEYS_MAX));
  }

  /** Removes what `next` names until it names nothing, in transactions small enough to let appends in between. */
  private async removeKeys(database: Folder['records'], next: () => Iterable<Buffer>): Promise<void> {
    for (;;) {
      const keys = [...next()];
      if (keys.length === 0) return;
      await this.commit(0, () => {
        for (const key of keys) database.remove(key);
      });
    }
  }
}

/** Makes a folder, and those above it that are not there; returns the topmost that it made. */
function makeFolder(path: string): string | undefined {
  try {
    return ensurePrivateFolder(path);
  } catch (thrown) {
    throw journalError(thrown, `cannot make the folder ${path}`);
  }
}

/** Makes the names of a folder's files durable, of the folder itself and of those above it up to where one was made. */
function syncNames(path: string, firstMade: string): void {
  const top = dirname(resolve(firstMade));
  for (let at = resolve(path); ; at = dirname(at)) {
    syncFolder(at);
    if (at === top) return;
  }
}
