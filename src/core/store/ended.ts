import type { CloseReason, Session } from '../model/session.js';

/** Forgotten at most for one that comes, so that lowering the bound costs no long walk. */
const FORGOTTEN_AT_ONCE = 2;

/** How much of a token's hash is kept: enough to tell it from one that is made up, and nothing can be done with it any more. */
const CHECK_LENGTH = 8;

/** A session that has ended. */
export interface EndedSession {
  readonly reason: CloseReason;
  /** The beginning of its token's hash, in latin1; undefined where a snapshot of format 1 does not say it. */
  readonly tokenCheck: string | undefined;
}

/** Why sessions ended, for those who come late: the last few, the oldest forgotten first. */
export class EndedSessions {
  private readonly bySid = new Map<number, EndedSession>();
  /**
   * Stands before the oldest, and so never has to look for it: beginning anew would walk over every hole that the
   * forgotten ones left in the map.
   */
  private oldest: Iterator<number> | undefined;

  /** `max`: how many are remembered, at this moment. Where it was lowered, more are there until others come. */
  constructor(private readonly max: () => number) {}

  get(sid: number): CloseReason | undefined {
    return this.bySid.get(sid)?.reason;
  }

  /** Whether a token of this hash cannot be the ended session's own. Where that is not known, it may be. */
  isForeign(sid: number, tokenHash: string): boolean {
    const tokenCheck = this.bySid.get(sid)?.tokenCheck;
    return tokenCheck !== undefined && !tokenHash.startsWith(tokenCheck);
  }

  /** All of them, the oldest first. */
  all(): Iterable<[sid: number, ended: EndedSession]> {
    return this.bySid;
  }

  /** A session has ended. */
  add({ sid, tokenHash }: Pick<Session, 'sid' | 'tokenHash'>, reason: CloseReason): void {
    this.restore(sid, { reason, tokenCheck: tokenHash.slice(0, CHECK_LENGTH) });
    const max = this.max();
    for (let left = FORGOTTEN_AT_ONCE; left > 0 && this.bySid.size > max; left--) {
      this.oldest ??= this.bySid.keys();
      this.bySid.delete(this.oldest.next().value);
    }
  }

  /** A session that had ended, as a snapshot says, the oldest first. */
  restore(sid: number, ended: EndedSession): void {
    this.bySid.delete(sid);
    this.bySid.set(sid, ended);
  }

  /** The SID lives again. */
  delete(sid: number): void {
    this.bySid.delete(sid);
  }
}
