import { baseOfSid, poolOfSid, SID_POOLS } from '../sid.js';

/** 1,024 SIDs a page: 4 KiB, so that a fleet of one pool costs little more than its own size. */
const PAGE_BITS = 10;
const PAGE_SIZE = 1 << PAGE_BITS;

/** One page of neighbouring bases. `used` frees the page when its last session has gone, but for the highest of its pool. */
interface Page {
  readonly slots: Int32Array;
  used: number;
}

/**
 * Finds the slot of a SID: the dense number under which tables of typed arrays keep a node.
 *
 * SIDs are handed out in order, so a two-level table by base beats a hash: two reads, 4 B a session, and it never has to
 * be hashed again as a whole, which would stop the event loop.
 */
export class SlotIndex {
  private readonly pools: (Page | undefined)[][] = Array.from({ length: SID_POOLS }, () => []);

  /** The slot, or -1 when the SID is not there. */
  get(sid: number): number {
    if (sid <= 0) return -1;
    const base = baseOfSid(sid);
    const page = this.pools[poolOfSid(sid)][base >>> PAGE_BITS];
    return page === undefined ? -1 : page.slots[base & (PAGE_SIZE - 1)] - 1;
  }

  /**
   * The SIDs past this one, by pool and then by base; 0 for all. What comes and goes meanwhile does not disturb the order
   * of the rest, and reaching the next one costs a look at its page, however many there are.
   */
  *after(sid: number, type: number): Iterable<number> {
    const first = sid === 0 ? 0 : poolOfSid(sid);
    for (let pool = first; pool < SID_POOLS; pool++) {
      if (type !== 0 && (pool & 7) !== type) continue;
      const from = sid !== 0 && pool === first ? baseOfSid(sid) + 1 : 1;
      const pages = this.pools[pool];
      for (let at = from >>> PAGE_BITS; at < pages.length; at++) {
        const page = pages[at];
        if (page === undefined) continue;
        for (let base = Math.max(from, at << PAGE_BITS); base < (at + 1) << PAGE_BITS; base++) {
          if (page.slots[base & (PAGE_SIZE - 1)] !== 0) yield (base << 8) | pool;
        }
      }
    }
  }

  /** The SIDs past this one, ascending; 0 for all. It goes through the pools side by side, and is as robust as {@link after}. */
  *ascending(sid: number): Iterable<number> {
    const from = baseOfSid(sid);
    const pools = this.pools.flatMap((pages, pool) => (pages.length === 0 ? [] : [{ pages, pool }]));
    const length = Math.max(0, ...pools.map(({ pages }) => pages.length));
    for (let at = from >>> PAGE_BITS; at < length; at++) {
      const beside = pools.flatMap(({ pages, pool }) => {
        const slots = pages[at]?.slots;
        return slots === undefined ? [] : [{ slots, pool }];
      });
      if (beside.length === 0) continue;
      for (let base = Math.max(from, at << PAGE_BITS); base < (at + 1) << PAGE_BITS; base++) {
        for (const { slots, pool } of beside) {
          const found = (base << 8) | pool;
          if (found > sid && slots[base & (PAGE_SIZE - 1)] !== 0) yield found;
        }
      }
    }
  }

  /** Puts a SID that is not there. */
  set(sid: number, slot: number): void {
    const base = baseOfSid(sid);
    const pool = this.pools[poolOfSid(sid)];
    const at = base >>> PAGE_BITS;
    while (pool.length <= at) pool.push(undefined);
    const page = (pool[at] ??= { slots: new Int32Array(PAGE_SIZE), used: 0 });
    page.slots[base & (PAGE_SIZE - 1)] = slot + 1;
    page.used++;
  }

  /** Takes away a SID that is there. */
  delete(sid: number): void {
    const base = baseOfSid(sid);
    const pool = this.pools[poolOfSid(sid)];
    const page = pool[base >>> PAGE_BITS]!;
    page.slots[base & (PAGE_SIZE - 1)] = 0;
    page.used--;
    // The highest is where the next SID will stand: an instance that comes again and again would have it made each time.
    if (page.used === 0 && base >>> PAGE_BITS < pool.length - 1) pool[base >>> PAGE_BITS] = undefined;
  }
}
