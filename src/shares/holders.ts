import { addressKey } from '../base/address.js';
import { Instances } from '../core/store/instances.js';
import type { HashKey } from '../core/store/packed/halfsiphash.js';
import { Int32Pages } from '../core/store/packed/pages.js';
import type { Origin } from './origin.js';

/** No holder. */
export const NONE = -1;

/** What an IPv4 address has instead of its first 32 bits: of IPv6 it would be multicast, which nothing comes from. */
const IPV4 = -1;
/** What has no address at all, such as a local socket, is one holder. */
const NO_ADDRESS = [-2, 0] as const;

/**
 * Who holds sessions: addresses, and the connections from them, each with how many it holds. A holder is a number, good
 * until it holds nothing and is not pinned any more.
 *
 * A million devices have a million addresses, so everything that outlives a connection is in columns of numbers: 16 B a
 * holder, and some 16 more of an address to be found by. Only open connections are objects.
 */
export class Holders {
  /** Of a connection, the holder that is its address; NONE of an address. In a free place, the next free one. */
  readonly #parents = new Int32Pages();
  readonly #used = new Int32Pages();
  /** The 64 bits of an address. */
  readonly #high = new Int32Pages();
  readonly #low = new Int32Pages();
  readonly #addresses: Instances;
  /** Connections that are open, as far as they hold something; by name and by number. */
  readonly #connections = new Map<string, number>();
  readonly #names = new Map<number, string>();
  /** What must stay although it may hold nothing: something that will be counted there is on its way. */
  readonly #pins = new Map<number, number>();
  #end = 0;
  #free = NONE;

  constructor(key: HashKey) {
    this.#addresses = new Instances(key, (holder, text) => this.#textOf(holder) === text);
  }

  /** The holder of an origin: its connection, or its address where connections do not count. It is made if need be. */
  reach({ address, connection }: Origin): number {
    const parent = this.#reachAddress(address);
    if (connection === undefined) return parent;
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    const made = this.#make(parent, 0, 0);
    this.#connections.set(connection, made);
    this.#names.set(made, connection);
    return made;
  }

  /** The address of a holder, which may be itself. */
  addressOf(holder: number): number {
    const parent = this.#parents.get(holder);
    return parent === NONE ? holder : parent;
  }

  /** How many a holder holds, those on their way included. */
  used(holder: number): number {
    return this.#used.get(holder);
  }

  /** A holder, and not what it belongs to, holds so many more, or fewer. */
  add(holder: number, count: number): void {
    this.#used.set(holder, this.#used.get(holder) + count);
  }

  /** A holder and its address stay for now. */
  pin(holder: number): void {
    for (const one of this.levels(holder)) this.#pins.set(one, (this.#pins.get(one) ?? 0) + 1);
  }

  /** What was pinned does not have to stay any more. */
  unpin(holder: number): void {
    for (const one of this.levels(holder)) {
      const left = this.#pins.get(one)! - 1;
      if (left === 0) this.#pins.delete(one);
      else this.#pins.set(one, left);
    }
    this.tidy(holder);
  }

  /** A holder and, when it is a connection, its address. */
  levels(holder: number): readonly number[] {
    const parent = this.#parents.get(holder);
    return parent === NONE ? [holder] : [holder, parent];
  }

  /** Forgets a holder, and its address, if nothing is held there. */
  tidy(holder: number): void {
    for (const one of this.levels(holder)) if (this.#used.get(one) === 0 && !this.#pins.has(one)) this.#forget(one);
  }

  /** The connection is closed: what came over it counts for its address alone from then on. */
  close(connection: string): void {
    const holder = this.#connections.get(connection);
    if (holder === undefined) return;
    this.#connections.delete(connection);
    this.#names.delete(holder);
  }

  /** The most that one connection, and one address, holds. Looks at all of them. */
  largest(): { readonly connection: number; readonly address: number } {
    const most = { connection: 0, address: 0 };
    for (let holder = 0; holder < this.#end; holder++) {
      const used = this.#used.get(holder);
      if (used === 0) continue;
      const level = this.#parents.get(holder) === NONE ? 'address' : 'connection';
      most[level] = Math.max(most[level], used);
    }
    return most;
  }

  /** How many holders there are. */
  get count(): number {
    let free = 0;
    for (let at = this.#free; at !== NONE; at = this.#parents.get(at)) free++;
    return this.#end - free;
  }

  #reachAddress(address: string): number {
    const [high, low] = bitsOf(addressKey(address));
    const text = textOf(high, low);
    const known = this.#addresses.get(text);
    if (known !== NONE) return known;
    const made = this.#make(NONE, high, low);
    this.#addresses.add(text, made);
    return made;
  }

  #make(parent: number, high: number, low: number): number {
    let holder = this.#free;
    if (holder === NONE) {
      holder = this.#end++;
      for (const column of [this.#parents, this.#used, this.#high, this.#low]) column.reach(holder);
    } else this.#free = this.#parents.get(holder);
    this.#parents.set(holder, parent);
    this.#used.set(holder, 0);
    this.#high.set(holder, high);
    this.#low.set(holder, low);
    return holder;
  }

  #forget(holder: number): void {
    const name = this.#names.get(holder);
    if (name !== undefined) this.close(name);
    if (this.#parents.get(holder) === NONE) this.#addresses.delete(this.#textOf(holder));
    this.#parents.set(holder, this.#free);
    this.#free = holder;
  }

  #textOf(holder: number): string {
    return textOf(this.#high.get(holder), this.#low.get(holder));
  }
}

/** An address as the text that is hashed. */
function textOf(high: number, low: number): string {
  return `${high} ${low}`;
}

/** The key of an address as 64 bits. */
function bitsOf(key: string): readonly [high: number, low: number] {
  const bytes = key.split('.').map(Number);
  if (bytes.length === 4) return [IPV4, (bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]];
  const groups = key.split(':').map((group) => Number.parseInt(group, 16));
  if (groups.length !== 4) return NO_ADDRESS;
  return [(groups[0] << 16) | groups[1], (groups[2] << 16) | groups[3]];
}
