import { type HashKey, halfSipHash } from '../../core/store/packed/halfsiphash.js';

const ROWS = 4;
/**
 * 2 MiB for each quota of a network in which more identities are counted than have places. Where m of those without a place have used more
 * than one of them, that one is taken for another with a chance of (1 - e^(-m/65,536))^4: 0.02 % with 8,192 of them.
 */
const ROW_CELLS = 65_536;
/** With more names than this the counts of many are too large: one of 40 would be, if all others had used more. */
const NAMES_MAX = 32_768;

/**
 * Counts by name, of any number of names in a bounded memory: each name has a cell in each row, a cell has the highest count of its names, and
 * the smallest cell of a name is its count. That is never too small; it is too large where each of its cells has a name with a higher one.
 */
export class UseSketch {
  readonly #key: HashKey;
  readonly #cells = new Float64Array(ROWS * ROW_CELLS);
  /** Names with a count; those that were taken for another one when they came are not among them. */
  #names = 0;

  /** `key`: instances choose their UUIDs, and could choose those that share their cells with another's. */
  constructor(key: HashKey) {
    this.#key = key;
  }

  /** Whether more names have come than it can tell from one another. */
  get isOverfull(): boolean {
    return this.#names > NAMES_MAX;
  }

  of(name: string): number {
    return Math.min(...this.#places(name).map((place) => this.#cells[place]));
  }

  /** The count of a name is at least this. */
  raise(name: string, count: number): void {
    const places = this.#places(name);
    if (places.some((place) => this.#cells[place] === 0)) this.#names++;
    for (const place of places) this.#cells[place] = Math.max(this.#cells[place], count);
  }

  /** The cell of a name in each row. */
  #places(name: string): number[] {
    const [k0, k1] = this.#key;
    return Array.from(
      { length: ROWS },
      (_, row) => row * ROW_CELLS + (halfSipHash([k0 ^ row, k1], name) & (ROW_CELLS - 1)),
    );
  }
}
