/** Empty places at the front that are kept before the rest is moved up. */
const HOLE_MAX = 64;

/** A queue, first in, first out, that takes from its front in constant time. */
export class Queue<T> {
  #items: (T | undefined)[] = [];
  #at = 0;

  /** How many wait. */
  get size(): number {
    return this.#items.length - this.#at;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The one that waits longest, which stays; undefined when none does. */
  get first(): T | undefined {
    return this.#items[this.#at];
  }

  /** Takes the one that waits longest. */
  shift(): T | undefined {
    if (this.#at === this.#items.length) return undefined;
    const item = this.#items[this.#at];
    // What was taken may hold a lot, and an empty place lives on.
    this.#items[this.#at++] = undefined;
    if (this.#at >= HOLE_MAX && 2 * this.#at >= this.#items.length) {
      this.#items = this.#items.slice(this.#at);
      this.#at = 0;
    }
    return item;
  }
}
