/** Places of a table with few entries; a power of two, as are all numbers of places. */
const PLACES_MIN = 8;
/** It is made larger when half of its places are taken, and smaller when an eighth is: not at once again after either. */
const FULL = 2;
const EMPTY = 8;
/** What spreads numbers that follow each other over the places: 2^32 by the golden ratio, of whose product the upper 20 bits count. */
const SPREAD = 2_654_435_769;
const LOWER_BITS = 12;

/**
 * Entries by positive numbers that come and go by the hundred, each with much behind it, in place of a Map.
 *
 * A Map whose entries come and go makes a new table again and again, and each former table refers to the next for the sake of its
 * iterators. Once one of them is in V8's old generation, dead or not, collections of the young generation keep all later ones with what
 * was in them: most of the calls that are over, where a hundred are under way, and 10 to 40 ms each time. This one keeps its places as long as
 * their number suits, and what it leaves behind refers to nothing that came later.
 */
export class EntryTable<V> {
  /** By place; 0 where none is. An entry is at the first free place from where its number belongs. */
  #keys: number[] = [];
  #values: (V | undefined)[] = [];
  #size = 0;

  constructor() {
    this.#clear(PLACES_MIN);
  }

  get size(): number {
    return this.#size;
  }

  get(key: number): V | undefined {
    return this.#values[this.#placeOf(key)];
  }

  set(key: number, value: V): void {
    const place = this.#placeOf(key);
    if (this.#keys[place] === 0) this.#size++;
    this.#keys[place] = key;
    this.#values[place] = value;
    if (this.#size * FULL > this.#keys.length) this.#move(this.#keys.length * 2);
  }

  delete(key: number): boolean {
    const place = this.#placeOf(key);
    if (this.#keys[place] === 0) return false;
    this.#size--;
    this.#free(place);
    if (this.#size * EMPTY < this.#keys.length && this.#keys.length > PLACES_MIN) this.#move(this.#keys.length / 2);
    return true;
  }

  /** In no order. Entries that are deleted meanwhile are left out. */
  forEach(call: (value: V) => void): void {
    for (const key of this.#keys.filter((one) => one !== 0)) {
      const value = this.get(key);
      if (value !== undefined) call(value);
    }
  }

  #home(key: number): number {
    return (Math.imul(key, SPREAD) >>> LOWER_BITS) & (this.#keys.length - 1);
  }

  /** Where an entry is, or would be. */
  #placeOf(key: number): number {
    const last = this.#keys.length - 1;
    let place = this.#home(key);
    while (this.#keys[place] !== 0 && this.#keys[place] !== key) place = (place + 1) & last;
    return place;
  }

  /** Frees a place, and moves those up behind it that would not be found past a free one. */
  #free(place: number): void {
    const last = this.#keys.length - 1;
    let free = place;
    for (let at = (place + 1) & last; this.#keys[at] !== 0; at = (at + 1) & last) {
      const isFoundThere = ((at - this.#home(this.#keys[at])) & last) >= ((at - free) & last);
      if (!isFoundThere) continue;
      this.#keys[free] = this.#keys[at];
      this.#values[free] = this.#values[at];
      free = at;
    }
    this.#keys[free] = 0;
    this.#values[free] = undefined;
  }

  #clear(places: number): void {
    this.#keys = new Array<number>(places).fill(0);
    this.#values = new Array<V | undefined>(places).fill(undefined);
  }

  #move(places: number): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#clear(places);
    for (const [at, key] of keys.entries()) {
      if (key === 0) continue;
      const place = this.#placeOf(key);
      this.#keys[place] = key;
      this.#values[place] = values[at];
    }
  }
}
