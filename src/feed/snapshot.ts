import type { Position } from '../core/model/position.js';
import type { Capture } from '../core/store/snapshot.js';
import type { BudgetedSnapshot, SnapshotBudget } from './snapshot-budget.js';
import type { SnapshotEncoder } from './topic.js';

/** One watcher's place in a snapshot. */
export class SnapshotReader {
  /** The number of the chunk that comes next. */
  at = 0;
  /** The chunk that comes next was given up, for the bytes that it held: the watcher has to begin again. */
  isRetired = false;
  readonly #snapshot: SharedSnapshot;

  constructor(snapshot: SharedSnapshot) {
    this.#snapshot = snapshot;
  }

  /** The position that the snapshot was taken at. */
  get position(): Position {
    return this.#snapshot.position;
  }

  /** The next chunk, or undefined past the last. Not to be called once retired. */
  next(): Uint8Array | undefined {
    const chunk = this.#snapshot.chunk(this.at);
    if (chunk !== undefined) this.at++;
    return chunk;
  }

  /** The watcher reads no more of it. */
  leave(): void {
    this.#snapshot.forget(this);
  }
}

/**
 * A snapshot that several watchers read at once, each at its own pace: every chunk is encoded once, when the first of them
 * asks for it.
 *
 * It holds its chunks while watchers read it or may still begin to, within the {@link SnapshotBudget}. Over the budget it first
 * drops the chunks that all readers have passed; then no new reader can begin with it. Next it drops chunks that its slowest
 * readers have yet to read; these begin again with another snapshot.
 *
 * Invariant: `#chunks[0]` is chunk number `#first`; the next chunk of every reader is number `#first` or later.
 */
export class SharedSnapshot implements BudgetedSnapshot {
  readonly position: Position;
  readonly #readers = new Set<SnapshotReader>();
  readonly #rest: Iterator<Uint8Array>;
  readonly #budget: SnapshotBudget;
  #chunks: Uint8Array[] = [];
  #first = 0;
  #bytes = 0;
  #isComplete = false;

  constructor(taken: Capture, encoder: SnapshotEncoder, budget: SnapshotBudget) {
    this.position = taken.position;
    this.#rest = encoder.chunks(taken);
    this.#budget = budget;
    budget.hold(this);
  }

  /** Bytes of the chunks that it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many read it. */
  get readerCount(): number {
    return this.#readers.size;
  }

  /** Whether it can be read from its beginning. */
  get isWhole(): boolean {
    return this.#first === 0;
  }

  /** Begins to read it. Only while it {@link isWhole}. */
  enter(): SnapshotReader {
    const reader = new SnapshotReader(this);
    this.#readers.add(reader);
    return reader;
  }

  /** For a reader that reads no more of it. */
  forget(reader: SnapshotReader): void {
    this.#readers.delete(reader);
  }

  /** For a reader: chunk number `at`, or undefined past the last. */
  chunk(at: number): Uint8Array | undefined {
    while (this.#first + this.#chunks.length <= at && !this.#isComplete) {
      const next = this.#rest.next();
      if (next.done) this.#isComplete = true;
      else {
        this.#chunks.push(next.value);
        this.#bytes += next.value.length;
        this.#budget.grew(next.value.length);
      }
    }
    return this.#chunks[at - this.#first];
  }

  /** Lets no new reader begin, and makes its readers begin again. */
  retire(): void {
    for (const reader of this.#readers) reader.isRetired = true;
    this.#readers.clear();
    this.#giveUpBefore(Number.POSITIVE_INFINITY);
    this.#budget.release(this);
  }

  /** For the budget: drops the chunks that every reader has passed, and all of them when there is no reader. */
  giveUpPassed(): void {
    this.#giveUpBefore(this.#slowest());
  }

  /** For the budget: drops the chunks that only its slowest readers need. False: all are at the newest chunk. */
  giveUpSlowest(): boolean {
    if (this.#chunks.length < 2) return false;
    const slowest = this.#slowest();
    for (const reader of this.#readers) {
      if (reader.at !== slowest) continue;
      reader.isRetired = true;
      this.#readers.delete(reader);
    }
    this.giveUpPassed();
    return true;
  }

  #slowest(): number {
    let slowest = Number.POSITIVE_INFINITY;
    for (const { at } of this.#readers) if (at < slowest) slowest = at;
    return slowest;
  }

  #giveUpBefore(number: number): void {
    const count = Math.min(this.#chunks.length, number - this.#first);
    if (count <= 0) return;
    let bytes = 0;
    for (let index = 0; index < count; index++) bytes += this.#chunks[index].length;
    this.#chunks = this.#chunks.slice(count);
    this.#first += count;
    this.#bytes -= bytes;
    this.#budget.shrank(bytes);
  }
}
