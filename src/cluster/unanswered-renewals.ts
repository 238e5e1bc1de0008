/** Sessions whose renewals were told in some messages over the present link, and the last of these. */
interface ToldRenewals {
  readonly sids: Set<number>;
  message: number;
}

/**
 * The renewals that a follower has told and its leader has not answered yet. A link may be dead for long before that is noticed, and so may
 * the next one: what was told over them is told again over each link until the leader has it.
 *
 * The leader answers each message, in order. The answer to one message is waited for at a time; what is told meanwhile waits for the next. So
 * each session is noted twice at most, however long nothing is answered.
 */
export class UnansweredRenewals {
  #awaited: ToldRenewals | undefined;
  #later: ToldRenewals | undefined;
  /** Messages that were sent over the present link, and of these how many were answered. */
  #sent = 0;
  #answered = 0;

  /** Whether each message was answered. */
  get isNone(): boolean {
    return this.#answered >= this.#sent;
  }

  /** Renewals are told in the next message. The set is kept. */
  told(sids: Set<number>): void {
    if (sids.size === 0) return;
    const message = this.#sent + 1;
    if (this.#awaited === undefined) this.#awaited = { sids, message };
    else if (this.#later === undefined) this.#later = { sids, message };
    else {
      for (const sid of sids) this.#later.sids.add(sid);
      this.#later.message = message;
    }
  }

  /** A message was sent. */
  sent(): void {
    this.#sent++;
  }

  /** The leader has answered the next message. */
  answered(): void {
    this.#answered++;
    if (this.#awaited === undefined || this.#answered < this.#awaited.message) return;
    this.#awaited = this.#later;
    this.#later = undefined;
  }

  /** A session has ended. */
  closed(sid: number): void {
    this.#awaited?.sids.delete(sid);
    this.#later?.sids.delete(sid);
  }

  /** The link is over. The result is what was not answered. */
  takeAll(): Iterable<number> {
    const sids = [...(this.#awaited?.sids ?? []), ...(this.#later?.sids ?? [])];
    this.#awaited = undefined;
    this.#later = undefined;
    this.#sent = 0;
    this.#answered = 0;
    return sids;
  }
}
