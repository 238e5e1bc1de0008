import type { Clock } from '../base/clock.js';
import { JournalError, type StoredRecord } from '../journal/journal.js';
import type { LogSlice, LogTail, SeenLeader, TailedBatch } from '../log/shared-log.js';
import { READ_AGAIN_MS } from './limits.js';

/** Who is told of each batch that a server applies of others. */
export interface BatchObserver {
  before(batch: TailedBatch): void;
  after(batch: TailedBatch): void;
}

/** What a {@link LogFollower} stands on. */
export interface LogFollowerDeps {
  readonly clock: Clock;
  readonly tail: LogTail;
  /** The last batch that is applied already, and its chain. */
  readonly seq: number;
  readonly chain: Uint8Array;
  /** Called before the first batch of a term. */
  readonly entered: (term: bigint) => void;
  /** Applies what comes next. */
  readonly apply: (record: StoredRecord) => void;
  /** Called before and after the records of each batch are applied. `before` throws a JournalError where the log cannot be followed. */
  readonly batches?: BatchObserver | undefined;
  /** Called when the log can be read no more, and when it can be read again. */
  readonly readable: (isReadable: boolean, error?: unknown) => void;
}

/** Reads a log onward and applies it, for as long as it is told to. */
export class LogFollower {
  readonly #deps: LogFollowerDeps;
  #seq: number;
  #chain: Uint8Array;
  #term = 0n;
  #wake: (() => void) | undefined;
  /** Something was told since the log was read last. */
  #isStale = true;
  #isOver = false;
  /** Who waits until what was acknowledged before is applied here. */
  #readers: ((isCurrent: boolean) => void)[] = [];
  #currentMs: number;
  #isReadable = true;

  constructor(deps: LogFollowerDeps) {
    this.#deps = deps;
    this.#seq = deps.seq;
    this.#chain = deps.chain;
    this.#currentMs = deps.clock.nowMs();
  }

  /** The last batch that is applied. */
  get seq(): number {
    return this.#seq;
  }

  /** Its chain. */
  get chain(): Uint8Array {
    return this.#chain;
  }

  /** The newest term of which a batch is applied; 0: of none since the start. */
  get term(): bigint {
    return this.#term;
  }

  /** How long ago the log was read to its end. */
  get lagMs(): number {
    return this.#deps.clock.nowMs() - this.#currentMs;
  }

  /** There may be something to read. */
  look(): void {
    this.#isStale = true;
    this.#wake?.();
  }

  /** Resolves with true once everything is applied that was acknowledged before; with false when reading ends before. */
  read(): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#readers.push(resolve);
      this.look();
    });
  }

  /** Stops. The result are those who wait to be current. */
  end(): readonly ((isCurrent: boolean) => void)[] {
    this.#isOver = true;
    this.#wake?.();
    return this.#readers.splice(0);
  }

  /**
   * Applies the log, slice by slice. `reached` is called each time its end was reached, with who led then; when it answers false this
   * resolves. Rejects with a JournalError when the log cannot be followed any more.
   */
  async run(reached: (leader: SeenLeader | undefined) => boolean): Promise<void> {
    while (!this.#isOver) {
      if (!this.#isStale) await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#isStale = false;
      // Who asks while the log is being read may ask for what comes after it.
      const readers = this.#readers.splice(0);
      const slice = await this.#slice();
      for (const batch of slice?.batches ?? []) await this.#apply(batch);
      if (slice === undefined || !slice.isWhole) {
        this.#isStale = true;
        this.#readers.unshift(...readers);
        continue;
      }
      this.#currentMs = this.#deps.clock.nowMs();
      for (const resolve of readers) resolve(!this.#isOver);
      if (!this.#isOver && !reached(slice.leader)) return;
    }
  }

  /** Undefined: the store did not answer. */
  async #slice(): Promise<LogSlice | undefined> {
    try {
      const slice = await this.#deps.tail.read();
      this.#setReadable(true);
      return slice;
    } catch (error) {
      if (!(error instanceof JournalError) || error.kind !== 'failed') throw error;
      this.#setReadable(false, error);
      await new Promise<void>((resolve) => this.#deps.clock.after(READ_AGAIN_MS, resolve));
      return undefined;
    }
  }

  #setReadable(isReadable: boolean, error?: unknown): void {
    if (isReadable === this.#isReadable) return;
    this.#isReadable = isReadable;
    this.#deps.readable(isReadable, error);
  }

  async #apply(batch: TailedBatch): Promise<void> {
    if (this.#isOver) return;
    const { term, seq, chain, records } = batch;
    const { batches } = this.#deps;
    batches?.before(batch);
    if (term > this.#term) this.#deps.entered(term);
    this.#term = term;
    for (const record of records) this.#deps.apply(record);
    this.#seq = seq;
    this.#chain = chain;
    batches?.after(batch);
    // A long way to catch up lets others be served between.
    if (records.length > 0) await new Promise<void>((resolve) => this.#deps.clock.soon(resolve));
  }
}
