import type { InstanceFlavor, InstanceType } from '../model/session.js';

/*
 * SID, 32 bits, the sign bit zero:
 *
 *   31 30                                            8 7           3 2      0
 *  +--+----------------------------------------------+-------------+--------+
 *  | 0|                  base (>= 1)                 |    flavor   |  type  |
 *  +--+----------------------------------------------+-------------+--------+
 */

/** One pool of SIDs for each type and flavor: the low 8 bits of a SID. */
export const SID_POOLS = 256;

/** The instance type of servers. */
export const SERVER_TYPE = 1;

/** Puts a SID together. `base` is 1 to 2^23 - 1. */
export function makeSid(type: InstanceType, flavor: InstanceFlavor, base: number): number {
  return (base << 8) | poolOf(type, flavor);
}

/** The pool that a type and a flavor draw their SIDs from. */
export function poolOf(type: InstanceType, flavor: InstanceFlavor): number {
  return (flavor << 3) | type;
}

/** The instance type that stands in a SID. */
export function typeOfSid(sid: number): InstanceType {
  return sid & 7;
}

/** Whether a SID is a server's: instances of that type get no session. */
export function isServerSid(sid: number): boolean {
  return typeOfSid(sid) === SERVER_TYPE;
}

/** The instance flavor that stands in a SID. */
export function flavorOfSid(sid: number): InstanceFlavor {
  return (sid >>> 3) & 31;
}

/** The pool that a SID was drawn from. */
export function poolOfSid(sid: number): number {
  return sid & 255;
}

/** The base that stands in a SID. */
export function baseOfSid(sid: number): number {
  return sid >>> 8;
}

/**
 * Hands out SIDs so that a freed one rests for as long as possible.
 *
 * Each pool has a cursor that goes round over all bases and takes the next free one. So nothing is handed out again
 * before every other base of its pool has been, and a snapshot needs one number a pool. A pool that is full is known by
 * its count, so exhaustion costs nothing; the walk over taken bases is only long in a pool that is nearly full.
 */
export class SidAllocator {
  /** The base handed out last, by pool; 0 before the first. */
  readonly cursors = new Int32Array(SID_POOLS);
  private readonly live = new Int32Array(SID_POOLS);

  constructor(
    /** The highest base at this moment. Lowered, it takes no SID away. */
    private readonly baseMax: () => number,
    private readonly isLive: (sid: number) => boolean,
  ) {}

  /** The SID that the next session of this pool would get, or undefined when none is left. Changes nothing. */
  peek(pool: number): number | undefined {
    const baseMax = this.baseMax();
    if (this.live[pool] >= baseMax) return undefined;
    let base = this.cursors[pool];
    for (;;) {
      base = base >= baseMax ? 1 : base + 1;
      const sid = (base << 8) | pool;
      if (!this.isLive(sid)) return sid;
    }
  }

  /**
   * Whether the SID has ever been handed out. Once a pool has gone round its 8 million bases that is not known any more of
   * those beyond the cursor, and the answer for them is no.
   */
  wasGiven(sid: number): boolean {
    return baseOfSid(sid) <= this.cursors[poolOfSid(sid)];
  }

  /** The SID is live from now on. */
  take(sid: number): void {
    this.cursors[poolOfSid(sid)] = baseOfSid(sid);
    this.live[poolOfSid(sid)]++;
  }

  /** The SID is live, as a snapshot says, which also says where the cursors stand. */
  restore(sid: number): void {
    this.live[poolOfSid(sid)]++;
  }

  /** The SID is free again. */
  free(sid: number): void {
    this.live[poolOfSid(sid)]--;
  }
}
