import type { CloseReason } from '../model/session.js';

/** Forgotten at most for one that comes, so that lowering the bound costs no long walk. */
const FORGOTTEN_AT_ONCE = 2;

/** Why sessions ended, for those who come late: the last few, the oldest forgotten first. */
export class EndedSessions {
  private readonly bySid = new Map<number, CloseReason>();
  /**
   * Stands before the oldest, and so never has to look for it: beginning anew would walk over every hole that the
   * forgotten ones left in the map.
   */
  private oldest: Iterator<number> | undefined;

  /** `max`: how many are remembered, at this moment. Where it was lowered, more are there until others come. */
  constructor(private readonly max: () => number) {}

  get(sid: number): CloseReason | undefined {
    return this.bySid.get(sid);
  }

  /** All of them, the oldest first. */
  all(): Iterable<[sid: number, reason: CloseReason]> {
    return this.bySid;
  }

  /** A session has ended. */
  add(sid: number, reason: CloseReason): void {
    this.restore(sid, reason);
    const max = this.max();
    for (let left = FORGOTTEN_AT_ONCE; left > 0 && this.bySid.size > max; left--) {
      this.oldest ??= this.bySid.keys();
      this.bySid.delete(this.oldest.next().value!);
    }
  }

  /** A session that had ended, as a snapshot says, the oldest first. */
  restore(sid: number, reason: CloseReason): void {
    this.bySid.delete(sid);
    this.bySid.set(sid, reason);
  }

  /** The SID lives again. */
  delete(sid: number): void {
    this.bySid.delete(sid);
  }
}
