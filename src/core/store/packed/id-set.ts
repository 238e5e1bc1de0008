/** 1,024 numbers a page: 128 B. */
const PAGE_BITS = 10;
const WORDS = (1 << PAGE_BITS) / 32;

/** One page of neighbouring numbers, a bit each. */
interface Page {
  readonly words: Uint32Array;
  count: number;
}

/**
 * A set of whole numbers that can be read in their order from any of them on. Numbers that are handed out in a row cost a bit each,
 * and reaching the next one costs a look at its page, however many there are.
 */
export class IdSet {
  readonly #pages: (Page | undefined)[] = [];

  /** Adds a number. */
  add(number: number): void {
    const at = number >>> PAGE_BITS;
    while (this.#pages.length <= at) this.#pages.push(undefined);
    const page = (this.#pages[at] ??= { words: new Uint32Array(WORDS), count: 0 });
    const [word, bit] = placeOf(number);
    if ((page.words[word] & bit) !== 0) return;
    page.words[word] |= bit;
    page.count++;
  }

  /** Removes a number. */
  delete(number: number): void {
    const at = number >>> PAGE_BITS;
    const page = this.#pages[at];
    const [word, bit] = placeOf(number);
    if (page === undefined || (page.words[word] & bit) === 0) return;
    page.words[word] &= ~bit;
    page.count--;
    if (page.count === 0) this.#pages[at] = undefined;
  }

  /** Those from this one on, ascending. What comes and goes meanwhile does not disturb the order of the rest. */
  *from(first: number): Iterable<number> {
    for (let at = first >>> PAGE_BITS; at < this.#pages.length; at++) {
      const page = this.#pages[at];
      if (page === undefined) continue;
      for (let number = Math.max(first, at << PAGE_BITS); number < (at + 1) << PAGE_BITS; number++) {
        const [word, bit] = placeOf(number);
        if ((page.words[word] & bit) !== 0) yield number;
      }
    }
  }
}

/** Where a number lies in its page. */
function placeOf(number: number): readonly [word: number, bit: number] {
  return [(number >>> 5) & (WORDS - 1), 1 << (number & 31)];
}
