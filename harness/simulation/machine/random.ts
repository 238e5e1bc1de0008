import type { Random } from '../../../src/base/clock.js';

const TWO_TO_32 = 2 ** 32;

/**
 * Numbers that look random and are the same for the same seed: the only source of chance in a run.
 *
 * Source: Chris Doty-Humphrey's sfc32 (PractRand): 128 bits of state, no known failure of any test, a few additions each.
 */
export class SeededRandom implements Random {
  private a: number;
  private b = 0x9e3779b9;
  private c = 0x243f6a88;
  private d = 1;

  constructor(private readonly seed: number) {
    this.a = seed | 0;
    for (let round = 0; round < 12; round++) this.word();
  }

  /** A source of its own for one part of a run: what the others draw does not disturb it. */
  fork(part: number): SeededRandom {
    return new SeededRandom(Math.imul(this.seed ^ 0x5bd1e995, 0x01000193) + Math.imul(part + 1, 0x9e3779b1));
  }

  fraction(): number {
    return this.word() / TWO_TO_32;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at++) bytes[at] = this.word() & 0xff;
    return bytes;
  }

  /** A whole number, 0 up to 2^32 - 1. */
  word(): number {
    const sum = (this.a + this.b + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** A whole number from `low` to `high`, both possible. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in so many of all cases. */
  chance(fraction: number): boolean {
    return this.fraction() < fraction;
  }

  /** One of several. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }
}
