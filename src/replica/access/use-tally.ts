/** A name with a count that it had when it was looked at last. */
interface Seen {
  readonly name: string;
  count: number;
}

/**
 * Counts by name, of a bounded number of names. A name that is new at the bound takes the place of the one with the smallest count, so that
 * names in any number make no large count forgotten; one whose place was taken begins anew, and has gained what was the smallest.
 */
export class UseTally {
  readonly #max: number;
  readonly #counts = new Map<string, number>();
  /** Each name once, a binary heap by the counts that were seen: they only grow, so the smallest is found by looking at the first again. */
  readonly #heap: Seen[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#counts.size;
  }

  /** Whether a new name takes the place of another. */
  get isFull(): boolean {
    return this.size >= this.#max;
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  entries(): Iterable<[string, number]> {
    return this.#counts.entries();
  }

  add(name: string, count: number): void {
    const known = this.#counts.get(name);
    if (known === undefined) {
      if (this.isFull) this.#dropSmallest();
      this.#heap.push({ name, count });
      this.#rise(this.#heap.length - 1);
    }
    this.#counts.set(name, (known ?? 0) + count);
  }

  #dropSmallest(): void {
    const heap = this.#heap;
    for (;;) {
      const [first] = heap;
      const count = this.of(first.name);
      if (count === first.count) break;
      first.count = count;
      this.#sink();
    }
    this.#counts.delete(heap[0].name);
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (this.#heap[above].count <= this.#heap[at].count) return;
      this.#exchange(at, above);
      at = above;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const below = this.#countAt(right) < this.#countAt(left) ? right : left;
      if (this.#countAt(below) >= this.#countAt(at)) return;
      this.#exchange(at, below);
      at = below;
    }
  }

  #countAt(at: number): number {
    return this.#heap[at]?.count ?? Number.POSITIVE_INFINITY;
  }

  #exchange(one: number, other: number): void {
    const heap = this.#heap;
    [heap[one], heap[other]] = [heap[other], heap[one]];
  }
}
