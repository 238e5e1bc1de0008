import type { Limits } from '../../../src/core/model/limits.js';
import { type Journal, JournalError, type StoredRecord, type StoredSnapshot } from '../../../src/journal/journal.js';
import { MemoryDisk, MemoryJournal } from '../../../src/journal/storage/memory.js';
import type { Process } from './process.js';
import type { SeededRandom } from './random.js';

/**
 * The machine's disk: it outlives every server process, and has good days and bad ones.
 *
 * It tells of each record in the moment in which it is durable, which is never the moment in which anybody hears of it.
 */
export class Disk {
  readonly memory = new MemoryDisk();
  /** How long half an append takes, at most. */
  slownessMs = 1;
  /** No space is left. */
  full = false;
  /** The next append fails, and the journal has to be opened again. */
  failing = false;
  private journal: SimulatedJournal | undefined;

  constructor(
    readonly random: SeededRandom,
    private readonly told: (records: readonly StoredRecord[]) => void,
  ) {}

  /**
   * Opens the journal in a process. Whatever the process before had in hand is lost, but for what got through. `lost` is called when
   * the journal is this process's no more.
   */
  open(process: Process, _lost: (error: unknown) => void): Journal | Promise<Journal> {
    this.journal = new SimulatedJournal(this, process);
    return this.journal;
  }

  /** Whether an append would be refused at this moment. */
  get isRefusing(): boolean {
    return this.full || this.failing || (this.journal?.isBroken ?? false);
  }

  /** The process that has the journal open dies in this moment: of an append on its way, any first part is durable. */
  async lose(): Promise<void> {
    const torn = this.journal?.unwritten ?? [];
    const through = this.random.chance(0.5) ? 0 : this.random.between(0, torn.length);
    this.journal = undefined;
    if (through > 0) await this.write(torn.slice(0, through));
  }

  /** Makes records durable. */
  async write(records: readonly StoredRecord[]): Promise<void> {
    await new MemoryJournal(this.memory).append(records);
    this.told(records);
  }
}

/**
 * A journal that takes its time and can fail wherever one can: before it has written, after it has written and before
 * anybody knows, between two parts of a snapshot.
 *
 * It keeps every promise of the port, and none that the port does not make.
 */
class SimulatedJournal implements Journal {
  private readonly inner: MemoryJournal;
  /** Handed over and not durable. */
  unwritten: readonly StoredRecord[] = [];
  isBroken = false;

  constructor(
    private readonly disk: Disk,
    private readonly process: Process,
  ) {
    this.inner = new MemoryJournal(disk.memory);
  }

  get last(): number {
    return this.inner.last;
  }

  async append(records: readonly StoredRecord[]): Promise<void> {
    this.unwritten = records;
    await this.pass();
    this.unwritten = [];
    this.refuseWhenBad();
    await this.disk.write(records);
    await this.pass();
  }

  get format(): number {
    return this.inner.format;
  }

  get compacted(): number {
    return this.inner.compacted;
  }

  get initialLimits(): Journal['initialLimits'] {
    return this.inner.initialLimits;
  }

  moveOn(limits: Limits): void {
    this.inner.moveOn(limits);
  }

  snapshots(): readonly number[] {
    return this.inner.snapshots();
  }

  openSnapshot(revision: number): StoredSnapshot {
    return this.inner.openSnapshot(revision);
  }

  read(afterRevision: number): ReturnType<Journal['read']> {
    return this.inner.read(afterRevision);
  }

  async writeSnapshot(revision: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.inner.writeSnapshot(revision, this.slowly(chunks));
  }

  async compact(revision: number): Promise<void> {
    await this.pass();
    this.refuseWhenBad();
    await this.inner.compact(revision);
    await this.pass();
  }

  size(): number {
    return this.inner.size();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private async *slowly(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      await this.pass();
      this.refuseWhenBad();
      yield chunk;
    }
  }

  private refuseWhenBad(): void {
    if (this.disk.failing) this.isBroken = true;
    this.disk.failing = false;
    if (this.isBroken) throw new JournalError('failed', 'the simulated disk failed');
    if (this.disk.full) throw new JournalError('full', 'the simulated disk is full');
  }

  private pass(): Promise<void> {
    const { random, slownessMs } = this.disk;
    return this.process.wait(random.fraction() * slownessMs);
  }
}
