import type { UseSketch } from './use-sketch.js';

/** A name with a count that it had when it was looked at last. */
interface Seen {
  readonly name: string;
  count: number;
}

/**
 * Counts by name: exactly of a bounded number of names, those with the highest counts. The others have theirs in a sketch, which is made when the
 * first one comes. A name gets a place, and the one with the smallest count loses its, once it has more than that. Once more names have come
 * than a sketch can tell from one another, only those with a place are counted, and keep it.
 */
export class UseTally {
  readonly #max: number;
  readonly #makeSketch: () => UseSketch;
  readonly #counts = new Map<string, number>();
  /** Each name once, a binary heap by the counts that were seen: they only grow, so the smallest is found by looking at the first again. */
  readonly #heap: Seen[] = [];
  /** Of those without a place. */
  #sketch: UseSketch | undefined;
  #isOverfull = false;

  constructor(max: number, makeSketch: () => UseSketch) {
    this.#max = max;
    this.#makeSketch = makeSketch;
  }

  get size(): number {
    return this.#counts.size;
  }

  get isFull(): boolean {
    return this.size >= this.#max;
  }

  /** Whether some names have no place. */
  get hasSketch(): boolean {
    return this.#sketch !== undefined || this.#isOverfull;
  }

  /** Whether those without a place are counted no more. */
  get isOverfull(): boolean {
    return this.#isOverfull;
  }

  of(name: string): number {
    return this.#counts.get(name) ?? this.#sketch?.of(name) ?? 0;
  }

  /** The counts of the names that have a place. */
  entries(): Iterable<[string, number]> {
    return this.#counts.entries();
  }

  add(name: string, count: number): void {
    const total = this.of(name) + count;
    if (!this.#counts.has(name)) {
      if (this.isFull && (this.#isOverfull || !this.#makeRoom(name, total))) return;
      this.#heap.push({ name, count: total });
      this.#rise(this.#heap.length - 1);
    }
    this.#counts.set(name, total);
  }

  /** Takes the place from a name; false: it has none. What a sketch has of it stays there, without its name. */
  delete(name: string): boolean {
    if (!this.#counts.delete(name)) return false;
    const heap = this.#heap;
    const at = heap.findIndex((seen) => seen.name === name);
    const last = heap.pop();
    if (last !== undefined && at < heap.length) {
      heap[at] = last;
      this.#sink(at);
      this.#rise(at);
    }
    return true;
  }

  /** Takes the place of the name with the smallest count for one that has more; false: that one has none. */
  #makeRoom(name: string, total: number): boolean {
    const smallest = this.#findSmallest();
    this.#sketch ??= this.#makeSketch();
    const hasMore = total > smallest.count;
    if (hasMore) this.#sketch.raise(smallest.name, smallest.count);
    else this.#sketch.raise(name, total);
    this.#isOverfull = this.#sketch.isOverfull;
    if (this.#isOverfull) this.#sketch = undefined;
    if (hasMore) this.#dropFirst();
    return hasMore;
  }

  #findSmallest(): Seen {
    for (;;) {
      const [first] = this.#heap;
      const count = this.of(first.name);
      if (count === first.count) return first;
      first.count = count;
      this.#sink();
    }
  }

  #dropFirst(): void {
    const heap = this.#heap;
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

  #sink(from = 0): void {
    for (let at = from; ; ) {
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
