import type { HistoryBudget } from './history-budget.js';

/** The log is cut off by whole segments, each a sixteenth of it. */
const SEGMENTS = 16;
const SEGMENT_BYTES_MAX = 1_048_576;
const INDEX_CAPACITY = 64;
/** Revisions without an entry that are remembered. A watcher behind one begins again, so beyond this the log is cut off. */
const GAPS_MAX = 1_024;

/** A run of neighbouring entries in one buffer. Written once, from left to right, and never again. */
class Segment {
  private readonly bytes: Uint8Array;
  private revisions = new Float64Array(INDEX_CAPACITY);
  private ends = new Uint32Array(INDEX_CAPACITY);
  count = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  get size(): number {
    return this.bytes.length;
  }

  get used(): number {
    return this.count === 0 ? 0 : this.ends[this.count - 1];
  }

  get first(): number {
    return this.revisions[0];
  }

  get last(): number {
    return this.revisions[this.count - 1];
  }

  append(revision: number, entry: Uint8Array): void {
    if (this.count === this.ends.length) this.growIndex();
    const start = this.used;
    this.bytes.set(entry, start);
    this.revisions[this.count] = revision;
    this.ends[this.count] = start + entry.length;
    this.count++;
  }

  /** How many entries are at or before this revision. */
  countUpTo(revision: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.revisions[middle] <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** From entry `from`: as many whole entries as fit, one at least. */
  run(from: number, bytesMax: number): Run {
    const start = from === 0 ? 0 : this.ends[from - 1];
    let to = from;
    if (this.used - start <= bytesMax) to = this.count - 1;
    else while (to + 1 < this.count && this.ends[to + 1] - start <= bytesMax) to++;
    return { bytes: this.bytes.subarray(start, this.ends[to]), revision: this.revisions[to] };
  }

  private growIndex(): void {
    const revisions = new Float64Array(2 * this.count);
    const ends = new Uint32Array(2 * this.count);
    revisions.set(this.revisions);
    ends.set(this.ends);
    this.revisions = revisions;
    this.ends = ends;
  }
}

/** Some neighbouring entries as bytes, and the revision of the last. */
export interface Run {
  readonly bytes: Uint8Array;
  readonly revision: number;
}

/** The revisions that watches resume from; {@link Log} says what each member does. */
export interface History {
  /** Everything past this revision can be read. */
  readonly floor: number;
  /** Everything past this revision is held as bytes that all watches share; what is before is made for each that reads it. */
  readonly sharedFloor: number;
  readonly byteSize: number;
  readonly entryCount: number;
  append(revision: number, entry: Uint8Array): void;
  appendGap(revision: number): void;
  hasGapAfter(revision: number): boolean;
  isGap(revision: number): boolean;
  read(after: number, bytesMax: number): Run | undefined;
  forget(revision: number): void;
  /** It is not used any more: what it holds does not count. */
  release?(): void;
}

/** How much history is kept. */
export interface LogBounds {
  readonly bytesMax: number;
  /** What bounds all histories together. */
  readonly budget?: HistoryBudget | undefined;
  readonly entriesMax: number;
}

/**
 * The committed revisions as bytes, in order, the oldest cut off at the bounds.
 *
 * A subscription is only a revision, looked up here when it can read, so publishing costs the same for one watcher or ten
 * thousand, and a watcher that stalls holds a number, not a queue, and keeps no segment alive. A watcher behind the
 * cut gets an error or begins again: it cannot be given half of what it missed.
 *
 * Invariant: entries lie whole in one segment, their revisions ascend, and every entry after `floor` is held. A caller of
 * {@link read} has checked for gaps first.
 */
export class Log implements History {
  private readonly segments: Segment[] = [];
  /** Revisions past the floor without an entry, because it would be too large; ascending. */
  private gaps: number[] = [];
  private readonly segmentBytes: number;
  private readonly segmentEntries: number;
  private bytes = 0;
  private entries = 0;

  constructor(
    private readonly bounds: LogBounds,
    /** Everything past this revision is held; what is at or before it is not. */
    public floor: number,
  ) {
    this.segmentBytes = Math.min(SEGMENT_BYTES_MAX, Math.ceil(bounds.bytesMax / SEGMENTS));
    this.segmentEntries = Math.max(1, Math.ceil(bounds.entriesMax / SEGMENTS));
  }

  get sharedFloor(): number {
    return this.floor;
  }

  /** Bytes held, allocated ones included. */
  get byteSize(): number {
    return this.bytes;
  }

  /** Entries held. */
  get entryCount(): number {
    return this.entries;
  }

  /** Adds the entry of a revision, which is higher than all before. */
  append(revision: number, entry: Uint8Array): void {
    let segment = this.segments.at(-1);
    if (segment === undefined || segment.used + entry.length > segment.size || segment.count >= this.segmentEntries) {
      segment = new Segment(Math.max(this.segmentBytes, entry.length));
      this.segments.push(segment);
      this.bytes += segment.size;
      this.bounds.budget?.moved(this, segment.size);
    }
    segment.append(revision, entry);
    this.entries++;
    while (this.segments.length > 1 && this.isOver()) this.cut();
  }

  /** Adds a revision, higher than all before, without an entry: watchers before it have to begin again. */
  appendGap(revision: number): void {
    this.gaps.push(revision);
    if (this.gaps.length > GAPS_MAX) this.floor = Math.max(this.floor, this.gaps.shift()!);
  }

  /** Whether a revision past this one has no entry. */
  hasGapAfter(revision: number): boolean {
    return this.gaps.length > 0 && this.gaps[this.gaps.length - 1] > revision;
  }

  /** Whether this revision has no entry. */
  isGap(revision: number): boolean {
    return this.gaps.includes(revision);
  }

  /** The entries past a revision, up to `bytesMax` (one at least); undefined when there are none. */
  read(after: number, bytesMax: number): Run | undefined {
    if (after < this.floor) throw new Error(`revision ${after} is cut off; the log begins past ${this.floor}`);
    const newest = this.segments.at(-1);
    if (newest === undefined || newest.last <= after) return undefined;
    const segment = this.segments[this.segmentAfter(after)];
    return segment.run(segment.countUpTo(after), bytesMax);
  }

  /** Lets go of everything up to a revision that is not before the newest entry. */
  forget(revision: number): void {
    this.segments.length = 0;
    this.bounds.budget?.moved(this, -this.bytes);
    this.bytes = 0;
    this.entries = 0;
    this.floor = revision;
  }

  /** For the budget: lets go of the oldest segment. False: there is only one. */
  cutOldest(): boolean {
    if (this.segments.length <= 1) return false;
    this.cut();
    return true;
  }

  /** It is not used any more: what it holds does not count. */
  release(): void {
    this.bounds.budget?.release(this);
  }

  private isOver(): boolean {
    return this.bytes > this.bounds.bytesMax || this.entries > this.bounds.entriesMax;
  }

  private cut(): void {
    const oldest = this.segments.shift()!;
    this.bytes -= oldest.size;
    this.bounds.budget?.moved(this, -oldest.size);
    this.entries -= oldest.count;
    this.floor = oldest.last;
    this.gaps = this.gaps.filter((revision) => revision > this.floor);
  }

  /** The first segment with an entry past a revision; there is one. */
  private segmentAfter(revision: number): number {
    let low = 0;
    let high = this.segments.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.segments[middle].last > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
