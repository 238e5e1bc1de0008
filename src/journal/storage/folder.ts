import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { FrameKind, sealNumber, unsealNumber } from '../format/frame.js';
import { decodeHeader, HEADER_PLACE } from '../format/header.js';
import { decodeNetwork, encodeNetwork, type FolderNetwork } from '../format/network-entry.js';
import { JournalError } from '../journal.js';
import { checkDataFile } from './datafile.js';
import { journalError } from './failure.js';
import { type Bytes, Section } from './section.js';

export { isMark, partKey, revisionKey, revisionOf } from './section.js';

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
 *
 * Those are the default network's. What further networks have is there from the first of them on; builds of before do not look at it:
 *
 *   (unnamed)       "networks"                   the number of the network that was created last
 *   "network data"  number 4 B | 0               what is known of the network (network-entry.ts)
 *   "network data"  number 4 B | 1               its header
 *   "network data"  number 4 B | 2 | revision    a record
 *   "network data"  number 4 B | 3 | revision …  a mark, or a part of a snapshot
 */

/** Where the header stands. */
export const HEADER_KEY = Buffer.from('header');
/** Where the count of networks stands. */
const NETWORKS_KEY = Buffer.from('networks');
/** Where the count of writers stands. */
const WRITER_KEY = Buffer.from('writer');
/** The database of further networks. */
const NETWORK_DATA = 'network data';

const NOTHING = Buffer.alloc(0);
const KEYS_AND_VALUES = { keyEncoding: 'binary', encoding: 'binary' } as const;

/** What stands under a network's number. The numbers are stored. */
const PART = { entry: 0, header: 1, records: 2, snapshots: 3, behind: 4 } as const;

/** An open data folder, as far as reading goes, with the journal of its default network. The caller has its lock. */
export class Folder extends Section {
  /** What further networks have; undefined before the first of them. */
  private networkData: Bytes | undefined;

  private constructor(
    readonly path: string,
    readonly header: RootDatabase<Uint8Array, Buffer>,
    readonly records: Bytes,
    readonly snapshots: Bytes,
    private readonly writer: Bytes,
  ) {
    super({
      what: path,
      records: { database: records, prefix: NOTHING },
      snapshots: { database: snapshots, prefix: NOTHING },
      header: { database: header, key: HEADER_KEY },
    });
    if (header.get(NETWORKS_KEY) !== undefined) this.networkData = this.openNetworkData();
  }

  /** The number of the network that was created last; 0: there was none. */
  lastNetwork(): number {
    const frame = this.header.get(NETWORKS_KEY);
    return frame === undefined
      ? 0
      : unsealNumber(FrameKind.NETWORK_COUNT, HEADER_PLACE, frame, 'the count of networks');
  }

  /** The networks that have an entry, those that were dropped included, by number. */
  networks(): (FolderNetwork & { readonly number: number })[] {
    const found: (FolderNetwork & { readonly number: number })[] = [];
    const last = this.lastNetwork();
    for (let number = 1; number <= last && this.networkData !== undefined; number++) {
      const frame = this.networkData.get(networkKey(number, PART.entry));
      if (frame !== undefined) found.push({ number, ...decodeNetwork(number, frame) });
    }
    return found;
  }

  /** The journal of another network. */
  section(number: number): Section {
    const database = this.openNetworkData();
    return new Section({
      what: `network ${number} in ${this.path}`,
      records: { database, prefix: networkKey(number, PART.records) },
      snapshots: { database, prefix: networkKey(number, PART.snapshots) },
      header: { database, key: networkKey(number, PART.header) },
    });
  }

  /** For a transaction's `write`: the entry of a network, which gets the next number when it is the first time. */
  putNetwork(number: number, network: FolderNetwork): void {
    if (number > this.lastNetwork()) {
      this.header.put(NETWORKS_KEY, sealNumber(FrameKind.NETWORK_COUNT, HEADER_PLACE, number));
    }
    this.openNetworkData().put(networkKey(number, PART.entry), encodeNetwork(number, network));
  }

  /** For a transaction's `write`: forgets a network whose data is gone. */
  removeNetwork(number: number): void {
    this.openNetworkData().remove(networkKey(number, PART.entry));
  }

  /** The keys of a network's data, its entry excepted, at most `limit`. */
  networkKeys(number: number, limit: number): Iterable<Buffer> {
    const [start, end] = [networkKey(number, PART.header), networkKey(number, PART.behind)];
    return this.openNetworkData().getKeys({ start, end, limit });
  }

  /** The database of further networks, which is made with the first of them. */
  openNetworkData(): Bytes {
    this.networkData ??= this.header.openDB({ name: NETWORK_DATA, ...KEYS_AND_VALUES }) as Bytes;
    return this.networkData;
  }

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
}

/** The key of a part of a network. */
function networkKey(number: number, part: number): Buffer {
  const key = Buffer.alloc(5);
  key.writeUInt32BE(number);
  key[4] = part;
  return key;
}

/** Before anything is written: a newer build's folder is left as it is, and one without a header is for a writer. */
function checkHeader(path: string, frame: Uint8Array | undefined, readOnly: boolean): void {
  if (frame !== undefined) decodeHeader(frame, `the folder ${path}`);
  else if (readOnly) throw new JournalError('damaged', `the journal in ${path} has no header`);
}
