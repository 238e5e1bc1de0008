/**
 * Entries that come and go by the hundred, each with much behind it, in place of a Map.
 *
 * A Map whose entries come and go makes a new table again and again, and each former table refers to the next for the sake of its
 * iterators. Once one of them is in V8's old generation, dead or not, collections of the young generation keep all later ones with what
 * was in them: most of the calls that are over, where a hundred are under way, and 10 to 40 ms each time. What an object leaves behind
 * as it grows refers to nothing that came later.
 */
export class EntryTable<K extends number | string, V> {
  readonly #entries: Record<number | string, V> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#entries[key];
  }

  set(key: K, value: V): void {
    if (!(key in this.#entries)) this.#size++;
    this.#entries[key] = value;
  }

  delete(key: K): boolean {
    if (!(key in this.#entries)) return false;
    this.#size--;
    return Reflect.deleteProperty(this.#entries, key);
  }

  /** Numbers in their order. Entries that are deleted meanwhile are left out. */
  forEach(call: (value: V) => void): void {
    for (const key in this.#entries) call(this.#entries[key]);
  }
}
