import { PAGE_BITS, PAGE_SIZE } from './pages.js';

/** Room for a search of some steps; it is doubled whenever it is half full. */
const FIRST_CAPACITY = 64;
/** The largest table: 16,384 slots, and growing to it takes a tenth of a millisecond. */
const CAPACITY_MAX = 32_768;
/** Spreads neighbouring slots over a table (2^32 over the golden ratio). */
const SPREAD = 0x9e3779b1;

/**
 * From which slot each slot was reached.
 *
 * Most searches reach a few thousand slots, and a table of open addressing takes those, twice as fast as a Map. One that
 * reaches more goes on in pages by slot, of which only those exist that something was written to: they never have to be
 * hashed again as a whole, which would stop the event loop for tens of milliseconds at a million slots.
 */
export class ReachedSlots {
  /** Pairs of a slot and where it was reached from, both one more than they are; 0 is a free place. */
  #table: Int32Array | undefined = new Int32Array(2 * FIRST_CAPACITY);
  #shift = 32 - Math.log2(FIRST_CAPACITY);
  #count = 0;
  /** One more than the slot it was reached from; 0: not reached. */
  readonly #pages: (Int32Array | undefined)[] = [];

  has(slot: number): boolean {
    if (this.#table !== undefined) return this.#table[this.#placeOf(this.#table, slot)] !== 0;
    const page = this.#pages[slot >>> PAGE_BITS];
    return page !== undefined && page[slot & (PAGE_SIZE - 1)] !== 0;
  }

  /** Where a slot was reached from that was reached. */
  get(slot: number): number {
    if (this.#table !== undefined) return this.#table[this.#placeOf(this.#table, slot) + 1] - 1;
    return this.#pages[slot >>> PAGE_BITS]![slot & (PAGE_SIZE - 1)] - 1;
  }

  /** Notes a slot that was not reached before. */
  add(slot: number, from: number): void {
    const table = this.#table;
    if (table === undefined) {
      this.#write(slot, from);
      return;
    }
    const at = this.#placeOf(table, slot);
    table[at] = slot + 1;
    table[at + 1] = from + 1;
    this.#count++;
    if (4 * this.#count >= table.length) this.#grow(table);
  }

  /** Where a slot is in the table, or the free place that it would have. */
  #placeOf(table: Int32Array, slot: number): number {
    const mask = table.length - 1;
    let at = (Math.imul(slot, SPREAD) >>> this.#shift) << 1;
    while (table[at] !== 0 && table[at] !== slot + 1) at = (at + 2) & mask;
    return at;
  }

  #grow(table: Int32Array): void {
    if (table.length === 2 * CAPACITY_MAX) {
      this.#table = undefined;
      for (let at = 0; at < table.length; at += 2) if (table[at] !== 0) this.#write(table[at] - 1, table[at + 1] - 1);
      return;
    }
    const larger = new Int32Array(2 * table.length);
    this.#shift--;
    for (let at = 0; at < table.length; at += 2) {
      if (table[at] === 0) continue;
      const place = this.#placeOf(larger, table[at] - 1);
      larger[place] = table[at];
      larger[place + 1] = table[at + 1];
    }
    this.#table = larger;
  }

  #write(slot: number, from: number): void {
    const at = slot >>> PAGE_BITS;
    while (this.#pages.length <= at) this.#pages.push(undefined);
    let page = this.#pages[at];
    if (page === undefined) {
      page = new Int32Array(PAGE_SIZE);
      this.#pages[at] = page;
    }
    page[slot & (PAGE_SIZE - 1)] = from + 1;
  }
}
