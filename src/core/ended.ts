import type { CloseReason } from './command.js';

/** Why sessions ended, for those who come late: the last few, the oldest forgotten first. */
export class EndedSessions {
  private readonly bySid = new Map<number, CloseReason>();
  /**
   * Stands before the oldest, and so never has to look for it: beginning anew would walk over every hole that the
   * forgotten ones left in the map.
   */
  private oldest: Iterator<number> | undefined;

  constructor(private readonly max: number) {}

  get(sid: number): CloseReason | undefined {
    return this.bySid.get(sid);
  }

  /** All of them, the oldest first. */
  all(): Iterable<[sid: number, reason: CloseReason]> {
    return this.bySid;
  }

  /** A session has ended. */
  add(sid: number, reason: CloseReason): void {
    this.bySid.delete(sid);
    this.bySid.set(sid, reason);
    if (this.bySid.size <= this.max) return;
    this.oldest ??= this.bySid.keys();
    this.bySid.delete(this.oldest.next().value!);
  }

  /** The SID lives again. */
  delete(sid: number): void {
    this.bySid.delete(sid);
  }
}
