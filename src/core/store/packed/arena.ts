import { Int32Pages } from './pages.js';

/** As large as all that lives, within these: little in an empty network, some hundreds of them for a million sessions. */
const SEGMENT_BYTES_MIN = 4_096;
const SEGMENT_BYTES_MAX = 262_144;
const UNIT_BITS = 3;
const SEGMENT_BITS = 15;
const HEAD_BYTES = 8;
const NOWHERE = 0;
/** Entries looked at with each change: more than come with it, so that tidying keeps up, and few, so that nobody waits. */
const TIDIED_AT_ONCE = 8;

/** Where the content of an entry stands. It never changes there, so it can be read for as long as it is held. */
export interface Entry {
  readonly bytes: Buffer;
  readonly at: number;
}

/*
 * An entry begins at a multiple of 8 of its segment, but not at its very beginning. Integers are little-endian:
 *
 *    0               4               8
 *   +---------------+---------------+--------------+
 *   | bytes, all in |      slot     |   content …  |     0 bytes: nothing more in this segment
 *   +---------------+---------------+--------------+
 *
 * A place, 32 bits; 0 is none:
 *
 *   31                            15 14                    0
 *  +--------------------------------+-----------------------+
 *  |     number of the segment      |      offset / 8       |
 *  +--------------------------------+-----------------------+
 */

/**
 * One byte string a slot, outside the heap: a million small objects would have V8 walk through them all with every large
 * collection, and move them with others, which holds up the event loop for tens of milliseconds each time.
 *
 * Entries are appended to segments and never changed, so a copy shares them. What is replaced or deleted leaves a gap; once
 * gaps are a third of all, what lives in the oldest segment moves to the newest, a few entries with each change, and the
 * segment goes. So all of it takes half as much again as what lives, and no change costs more than the ones before it.
 */
export class Arena {
  /** By number; undefined where a number is free. */
  private readonly segments: (Buffer | undefined)[] = [];
  private readonly freeNumbers: number[] = [];
  /** Numbers, from the oldest segment to the one that is written to. */
  private readonly order: number[] = [];
  /** By slot. */
  private readonly places = new Int32Pages();
  /** Where the next entry goes in the newest segment, and where tidying stands in the oldest. */
  private end = 0;
  private tidied = HEAD_BYTES;
  private bytes = 0;
  private live = 0;

  /** Bytes held, gaps included. */
  get byteSize(): number {
    return this.bytes;
  }

  /** Whether the slot has an entry. */
  has(slot: number): boolean {
    return this.placeOf(slot) !== NOWHERE;
  }

  /** The content of a slot. */
  get(slot: number): Entry | undefined {
    return entryAt(this.segments, this.placeOf(slot));
  }

  /** How many bytes the content of a slot takes, a few more than it has; 0 of a slot without one. */
  sizeAt(slot: number): number {
    const entry = this.get(slot);
    return entry === undefined ? 0 : entry.bytes.readUInt32LE(entry.at - HEAD_BYTES) - HEAD_BYTES;
  }

  /** The content of a slot that is known to have one. */
  entry(slot: number): Entry {
    const entry = this.get(slot);
    if (entry === undefined) throw new Error(`slot ${slot} has no entry`);
    return entry;
  }

  /**
   * Gives a slot content in place of what it had. `write` gets room for `sizeMax` bytes and tells where it has ended; what it
   * leaves is taken back.
   */
  put(slot: number, sizeMax: number, write: (to: Entry) => number): void {
    this.leave(slot);
    const entry = entryAt(this.segments, this.append(slot, (HEAD_BYTES + sizeMax + 7) & ~7))!;
    const start = entry.at - HEAD_BYTES;
    this.end = (write(entry) + 7) & ~7;
    entry.bytes.writeUInt32LE(this.end - start, start);
    this.live += this.end - start;
    this.tidy();
  }

  /** The slot has nothing any more. */
  delete(slot: number): void {
    this.leave(slot);
    this.tidy();
  }

  /** All contents by slot as they are now, to be read again and again, whatever changes later. */
  copy(): Iterable<Entry> {
    const segments = this.segments.slice();
    const places = this.places.copy();
    return { [Symbol.iterator]: () => entriesIn(segments, places) };
  }

  private placeOf(slot: number): number {
    return slot >= 0 && slot < this.places.capacity ? this.places.get(slot) : NOWHERE;
  }

  private leave(slot: number): void {
    const entry = this.get(slot);
    if (entry === undefined) return;
    this.live -= entry.bytes.readUInt32LE(entry.at - HEAD_BYTES);
    this.places.set(slot, NOWHERE);
  }

  private append(slot: number, bytes: number): number {
    const room = this.segments[this.order.at(-1) ?? 0]?.length ?? 0;
    // Behind an entry that took more than a segment, no place can be named.
    if (this.end + bytes > room || this.end >= SEGMENT_BYTES_MAX) this.begin(HEAD_BYTES + bytes);
    const number = this.order[this.order.length - 1];
    const segment = this.segments[number]!;
    const place = (number << SEGMENT_BITS) | (this.end >>> UNIT_BITS);
    segment.writeUInt32LE(bytes, this.end);
    segment.writeInt32LE(slot, this.end + 4);
    this.end += bytes;
    this.places.reach(slot);
    this.places.set(slot, place);
    return place;
  }

  /** A new segment, to be written to from now on. One entry that is larger than any segment has its own. */
  private begin(bytesMin: number): void {
    const number = this.freeNumbers.pop() ?? this.segments.length;
    if (number >= 1 << (32 - SEGMENT_BITS)) throw new Error(`${this.bytes} bytes: an arena holds no more segments`);
    const usual = Math.min(Math.max(this.live, SEGMENT_BYTES_MIN), SEGMENT_BYTES_MAX) & ~7;
    const segment = Buffer.alloc(Math.max(usual, bytesMin));
    this.segments[number] = segment;
    this.order.push(number);
    this.bytes += segment.length;
    this.end = HEAD_BYTES;
  }

  private tidy(): void {
    for (let looked = 0; looked < TIDIED_AT_ONCE; looked++) {
      if (this.order.length === 1 || this.bytes <= this.live + (this.live >>> 1) + 2 * SEGMENT_BYTES_MAX) return;
      const number = this.order[0];
      const segment = this.segments[number]!;
      const at = this.tidied;
      const bytes = at < segment.length ? segment.readUInt32LE(at) : 0;
      if (bytes === 0) {
        this.drop(number, segment.length);
        continue;
      }
      this.tidied += bytes;
      const slot = segment.readInt32LE(at + 4);
      if (this.placeOf(slot) !== ((number << SEGMENT_BITS) | (at >>> UNIT_BITS))) continue;
      const { bytes: to, at: toAt } = entryAt(this.segments, this.append(slot, bytes))!;
      segment.copy(to, toAt, at + HEAD_BYTES, at + bytes);
    }
  }

  private drop(number: number, bytes: number): void {
    this.order.shift();
    this.segments[number] = undefined;
    this.freeNumbers.push(number);
    this.bytes -= bytes;
    this.tidied = HEAD_BYTES;
  }
}

function entryAt(segments: readonly (Buffer | undefined)[], place: number): Entry | undefined {
  if (place === NOWHERE) return undefined;
  return {
    bytes: segments[place >>> SEGMENT_BITS]!,
    at: ((place & ((1 << SEGMENT_BITS) - 1)) << UNIT_BITS) + HEAD_BYTES,
  };
}

function* entriesIn(segments: readonly (Buffer | undefined)[], places: Int32Pages): Iterator<Entry> {
  for (let slot = 0; slot < places.capacity; slot++) {
    const entry = entryAt(segments, places.get(slot));
    if (entry !== undefined) yield entry;
  }
}
