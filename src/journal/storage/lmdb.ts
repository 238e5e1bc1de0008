import { dirname, resolve } from 'node:path';
import { ensurePrivateFolder, syncFolder } from '../../base/private-files.js';
import { version } from '../../base/version.js';
import type { Limits } from '../../core/model/limits.js';
import { FrameKind, NEW_FOLDER_FORMAT, sealNumber } from '../format/frame.js';
import { encodeHeader, type FolderHeader } from '../format/header.js';
import { type Journal, JournalError, type StoredRecord, type StoredSnapshot } from '../journal.js';
import { REMOVE_KEYS_MAX } from '../limits.js';
import { checkFollows, checkFormat, checkNewSnapshot, formatWith, gapless } from '../sequence.js';
import { journalError } from './failure.js';
import { Folder } from './folder.js';
import { endFounding } from './founding.js';
import { FolderLock, type Hold } from './lock.js';
import { removeKeys } from './move-keys.js';
import { LmdbNetworks } from './networks.js';
import type { Bytes, Section } from './section.js';
import { freeBytes as freeBytesOf } from './space.js';
import { Store } from './store.js';

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
  private closed: Promise<void> | undefined;
  private readonly unexpect: () => void;

  private constructor(
    private readonly store: Store,
    private readonly section: Section,
    /** The journals of further networks; only the default network's has them. */
    readonly networks: LmdbNetworks | undefined = undefined,
  ) {
    this.header = section.headerContent() ?? NEW_HEADER;
    this.marks = section.snapshotRevisions();
    this.last = Math.max(section.lastRecord(), this.compacted);
    this.unexpect = store.expect(() => this.isAsRead());
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
      const store = new Store({ folder, lock, freeBytes });
      const networks = new LmdbNetworks({
        store,
        openJournal: (section) => LmdbJournal.openSection(store, section),
        makeStore: (to) => LmdbJournal.makeStore(to, freeBytes),
      });
      const journal = new LmdbJournal(store, folder, networks);
      if (folder.headerFrame() === undefined) {
        await journal.found();
        syncNames(path, firstMade ?? path);
      }
      endFounding(path);
      await journal.removeUnfinished();
      await networks.removeDropped();
      return journal;
    } catch (error) {
      await folder?.close();
      lock.release();
      throw error;
    }
  }

  private static async makeStore(path: string, freeBytes: (path: string) => number): Promise<Store> {
    makeFolder(path);
    const lock = FolderLock.take(path);
    try {
      return new Store({ folder: await Folder.open(path, false), lock, freeBytes });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Opens the journal of another network of a store. Closing it leaves the store open. */
  private static async openSection(store: Store, section: Section): Promise<LmdbJournal> {
    const journal = new LmdbJournal(store, section);
    if (section.headerFrame() === undefined) await journal.found();
    await journal.removeUnfinished();
    return journal;
  }

  /** Transactions of the folder so far, those of all its journals: each was synced once. */
  get commits(): number {
    return this.store.commits;
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
    if (this.store.broken !== undefined) throw this.store.broken;
    checkFollows(this.last, records);
    checkFormat(this.format, this.moving);
    this.appending = true;
    try {
      const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
      const { database } = this.section.layout.records;
      await this.commit(bytes, () => {
        this.changeHeader(this.headerWith(records));
        for (const { revision, bytes } of records) database.put(this.section.recordKey(revision), bytes);
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
    return { revision, chunks: () => this.section.parts(revision) };
  }

  read(after: number): AsyncGenerator<readonly StoredRecord[]> {
    const { last, compacted } = this;
    return gapless({ compacted, after, last }, this.section.slicesAfter(after, last));
  }

  async writeSnapshot(revision: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.storing) throw new Error('a snapshot began before the one before had ended');
    checkNewSnapshot(this.compacted, this.last, this.marks, revision);
    this.storing = true;
    const { database } = this.section.layout.snapshots;
    try {
      let part = 0;
      for await (const chunk of chunks) {
        const key = this.section.partKey(revision, part++);
        await this.commit(chunk.length, () => database.put(key, chunk));
      }
      const mark = sealNumber(FrameKind.SNAPSHOT_MARK, { revision, part: 0 }, part);
      await this.commit(mark.length, () => database.put(this.section.markKey(revision), mark));
      this.marks = [...this.marks, revision].sort((x, y) => x - y);
    } catch (error) {
      await this.removeUnfinished();
      throw error;
    } finally {
      this.storing = false;
    }
  }

  async compact(revision: number): Promise<void> {
    const { section } = this;
    const { records, snapshots } = section.layout;
    if (!this.marks.includes(revision)) throw new Error(`there is no snapshot at revision ${revision} to compact to`);
    const before = this.marks.filter((mark) => mark < revision);
    await this.commit(0, () => {
      this.changeHeader({ ...this.header, compacted: revision });
      for (const mark of before) snapshots.database.remove(section.markKey(mark));
    });
    this.marks = this.marks.filter((mark) => mark >= revision);
    await this.removeKeys(snapshots.database, () => section.snapshotKeysBefore(revision, REMOVE_KEYS_MAX));
    await this.removeKeys(records.database, () => section.recordKeysUpTo(revision, REMOVE_KEYS_MAX));
  }

  size(): number {
    return this.store.folder.size();
  }

  close(): Promise<void> {
    this.unexpect();
    this.closed ??= this.section === this.store.folder ? this.store.close() : Promise.resolve();
    return this.closed;
  }

  /**
   * Has the store commit what `write` puts and removes. Throws its {@link JournalError}: after `full` the header is again what is stored.
   */
  private async commit(bytes: number, write: () => void): Promise<void> {
    // That of another network leaves the store open.
    if (this.closed !== undefined && this.section !== this.store.folder) {
      throw new JournalError('failed', `the journal of ${this.section.layout.what} is closed`);
    }
    // What the transaction would have made of the header did not come about.
    await this.store.commit(bytes, write, () => {
      this.header = this.section.headerContent() ?? NEW_HEADER;
    });
  }

  /** Writes the first header. */
  private async found(): Promise<void> {
    if (this.last > 0 || this.marks.length > 0) {
      throw new JournalError('damaged', `${this.section.layout.what} has records and no header`);
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
    const { database, key } = this.section.layout.header;
    database.put(key, encodeHeader(header));
  }

  /** Removes the parts of snapshots that were never finished. */
  private async removeUnfinished(): Promise<void> {
    const { section } = this;
    const finished = new Set(this.marks);
    const left: Buffer[] = [];
    for (const key of section.snapshotKeys()) {
      if (!section.isMark(key) && !finished.has(section.revisionOf(key))) left.push(key);
    }
    await this.removeKeys(section.layout.snapshots.database, () => left.splice(0, REMOVE_KEYS_MAX));
  }

  /** Removes what `next` names until it names nothing, in transactions small enough to let appends in between. */
  private removeKeys(database: Bytes, next: () => Iterable<Buffer>): Promise<void> {
    return removeKeys((write) => this.commit(0, write), database, next);
  }

  /** Whether what was read is what stands there. */
  private isAsRead(): boolean {
    const { section } = this;
    return (
      (section.headerContent()?.compacted ?? 0) === this.compacted &&
      Math.max(section.lastRecord(), this.compacted) === this.last
    );
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
