import type { Limits } from '../../core/model/limits.js';
import { NEW_FOLDER_FORMAT } from '../format/frame.js';
import {
  type DroppedNetwork,
  type Journal,
  JournalError,
  type NetworkJournals,
  type NewNetwork,
  type StoredNetwork,
  type StoredRecord,
  type StoredSnapshot,
} from '../journal.js';
import { checkFollows, checkFormat, checkNewSnapshot, formatWith, gapless } from '../sequence.js';

/**
 * What a journal in memory writes to. It outlives the journal, as a disk outlives a process, so that a restart can be
 * played through without one.
 */
export class MemoryDisk {
  readonly records = new Map<number, Uint8Array>();
  readonly snapshots = new Map<number, readonly Uint8Array[]>();
  last = 0;
  format: number = NEW_FOLDER_FORMAT;
  initialLimits: Limits | undefined;
  /** Up to which revision records were forgotten. */
  compacted = 0;
  /** Bytes of all records and snapshots. */
  bytes = 0;
  /** Further networks, by number, each with a disk of its own. */
  readonly networks = new Map<number, { readonly network: StoredNetwork; readonly disk: MemoryDisk }>();
  /** The number of the network that was created last. */
  lastNetwork = 0;

  /** `bytesMax`: what it holds. What goes beyond is refused as a full disk would. */
  constructor(public bytesMax = Number.POSITIVE_INFINITY) {}

  /** Makes room for so many bytes more, or throws. */
  take(bytes: number): void {
    if (this.bytes + bytes > this.bytesMax) {
      throw new JournalError('full', `the journal holds ${this.bytes} bytes; ${this.bytesMax} are the limit`);
    }
    this.bytes += bytes;
  }
}

/** A journal that is gone with its process: for tests, simulations and `--data :memory:`. */
export class MemoryJournal implements Journal {
  private appending = false;
  private storing = false;
  private moving: Limits | undefined;

  constructor(private readonly disk = new MemoryDisk()) {}

  get networks(): NetworkJournals {
    return new MemoryNetworks(this.disk);
  }

  get last(): number {
    return this.disk.last;
  }

  get format(): number {
    return this.disk.format;
  }

  get compacted(): number {
    return this.disk.compacted;
  }

  get initialLimits(): Limits | undefined {
    return this.disk.initialLimits;
  }

  moveOn(initialLimits: Limits): void {
    if (this.format < NEW_FOLDER_FORMAT) this.moving = initialLimits;
  }

  async append(records: readonly StoredRecord[]): Promise<void> {
    if (this.appending) throw new Error('an append began before the one before had ended');
    checkFollows(this.last, records);
    checkFormat(this.format, this.moving);
    this.appending = true;
    try {
      // A disk takes a while; whoever relies on an append that has not ended must fail here as well.
      await Promise.resolve();
      this.disk.take(bytesOf(records.map(({ bytes }) => bytes)));
      for (const { revision, bytes } of records) this.disk.records.set(revision, bytes);
      this.disk.last += records.length;
      if (this.moving !== undefined) {
        Object.assign(this.disk, { format: NEW_FOLDER_FORMAT, initialLimits: this.moving });
      }
      this.disk.format = formatWith(this.disk.format, records);
      this.moving = undefined;
    } finally {
      this.appending = false;
    }
  }

  snapshots(): readonly number[] {
    return [...this.disk.snapshots.keys()].sort((x, y) => x - y);
  }

  openSnapshot(revision: number): StoredSnapshot {
    const chunks = this.disk.snapshots.get(revision);
    if (chunks === undefined) throw new Error(`there is no snapshot at revision ${revision}`);
    return {
      revision,
      async *chunks() {
        yield* chunks;
      },
    };
  }

  read(after: number): AsyncGenerator<readonly StoredRecord[]> {
    const { compacted, last } = this.disk;
    return gapless({ compacted, after, last }, this.stored(after, last));
  }

  async writeSnapshot(revision: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.storing) throw new Error('a snapshot began before the one before had ended');
    checkNewSnapshot(this.disk.compacted, this.last, this.snapshots(), revision);
    this.storing = true;
    const parts: Uint8Array[] = [];
    try {
      for await (const chunk of chunks) {
        this.disk.take(chunk.length);
        parts.push(chunk);
      }
      this.disk.snapshots.set(revision, parts);
    } catch (error) {
      this.disk.bytes -= bytesOf(parts);
      throw error;
    } finally {
      this.storing = false;
    }
  }

  async compact(revision: number): Promise<void> {
    const { disk } = this;
    if (!disk.snapshots.has(revision)) throw new Error(`there is no snapshot at revision ${revision} to compact to`);
    disk.compacted = Math.max(disk.compacted, revision);
    for (const [at, chunks] of disk.snapshots) {
      if (at >= revision) continue;
      disk.bytes -= bytesOf(chunks);
      disk.snapshots.delete(at);
    }
    for (const [at, bytes] of disk.records) {
      if (at > revision) break;
      disk.bytes -= bytes.length;
      disk.records.delete(at);
    }
  }

  size(): number {
    return this.disk.bytes;
  }

  async close(): Promise<void> {}

  /** One by one, so that whoever reads sees what is compacted away meanwhile, as on a disk. */
  private async *stored(afterRevision: number, last: number): AsyncGenerator<readonly StoredRecord[]> {
    for (let revision = afterRevision + 1; revision <= last; revision++) {
      const bytes = this.disk.records.get(revision);
      if (bytes !== undefined) yield [{ revision, bytes }];
    }
  }
}

/** The journals of further networks, which are gone with their process, too. */
class MemoryNetworks implements NetworkJournals {
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  list(): readonly StoredNetwork[] {
    return [...this.#disk.networks.values()].map(({ network }) => network);
  }

  async create(network: NewNetwork): Promise<StoredNetwork> {
    const disk = this.#disk;
    const stored = { number: ++disk.lastNetwork, ...network };
    disk.networks.set(stored.number, { network: stored, disk: new MemoryDisk(disk.bytesMax) });
    return stored;
  }

  async open(number: number): Promise<Journal> {
    const found = this.#disk.networks.get(number);
    if (found === undefined) throw new Error(`there is no network ${number}`);
    return new MemoryJournal(found.disk);
  }

  async drop(number: number): Promise<DroppedNetwork> {
    if (!this.#disk.networks.delete(number)) throw new Error(`there is no network ${number} to drop`);
    return { exportedTo: undefined };
  }

  async discard(number: number): Promise<void> {
    await this.drop(number);
  }
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
