/** 4,096 numbers a page, 16 KiB: little in an empty network, and few pages in a full one. */
export const PAGE_BITS = 12;
/** How many numbers a page has. */
export const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;

/**
 * A column of 32-bit numbers that grows a page at a time, so that it never has to be copied as a whole: at a million rows
 * that would hold up the event loop for tens of milliseconds.
 *
 * For the same reason a copy shares the pages, and whoever writes to one first makes his own of it.
 */
export class Int32Pages {
  private pages: Int32Array[] = [];
  /** The pages that nobody shares; only these are written to. */
  private own: (Int32Array | undefined)[] = [];

  /** How many numbers there is room for. */
  get capacity(): number {
    return this.pages.length * PAGE_SIZE;
  }

  /** A number within the capacity. 0 where none was set. */
  get(at: number): number {
    return this.pages[at >>> PAGE_BITS][at & PAGE_MASK];
  }

  /** Sets a number within the capacity. */
  set(at: number, value: number): void {
    (this.own[at >>> PAGE_BITS] ?? this.separate(at >>> PAGE_BITS))[at & PAGE_MASK] = value;
  }

  /** Makes room for a number at `at`. */
  reach(at: number): void {
    while (this.capacity <= at) {
      const page = new Int32Array(PAGE_SIZE);
      this.pages.push(page);
      this.own.push(page);
    }
  }

  /** The numbers as they are now, whatever is set later. */
  copy(): Int32Pages {
    const copy = new Int32Pages();
    copy.pages = this.pages.slice();
    copy.own = this.pages.map(() => undefined);
    this.own = this.pages.map(() => undefined);
    return copy;
  }

  private separate(page: number): Int32Array {
    const own = this.pages[page].slice();
    this.pages[page] = own;
    this.own[page] = own;
    return own;
  }
}

/** The same for numbers that are not whole, or larger. It is not copied. */
export class Float64Pages {
  private readonly pages: Float64Array[] = [];

  /** A number within reach. 0 where none was set. */
  get(at: number): number {
    return this.pages[at >>> PAGE_BITS][at & PAGE_MASK];
  }

  /** Sets a number within reach. */
  set(at: number, value: number): void {
    this.pages[at >>> PAGE_BITS][at & PAGE_MASK] = value;
  }

  /** Makes room for a number at `at`. */
  reach(at: number): void {
    while (this.pages.length * PAGE_SIZE <= at) this.pages.push(new Float64Array(PAGE_SIZE));
  }
}
