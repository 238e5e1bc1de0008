import type { Clock } from '../base/clock.js';
import { Fault } from '../core/model/fault.js';
import { JournalError } from '../journal/journal.js';
import type { FollowedLog, SeenLeader, Term } from '../log/shared-log.js';
import type { Currency } from '../replica/currency.js';
import { BEHIND_MS_MAX, BEHIND_RETRY_MS } from './limits.js';
import { SharedQuestion } from './shared-question.js';

/** What a {@link MemberCurrency} stands on. */
export interface MemberCurrencyDeps {
  readonly clock: Clock;
  readonly log: Pick<FollowedLog, 'tail'>;
  /** The revision that is applied here. */
  readonly revision: () => number;
  /** The term that this server leads in; undefined while it follows. */
  readonly leads: () => Term | undefined;
  /** Resolves with true once a follower has applied all that the log has at a moment after the call. */
  readonly follow: () => Promise<boolean>;
  /** Called when the log says that another process leads in the place of this one. */
  readonly deposed: (error: JournalError) => void;
}

/** Knows whether a server has applied everything that was acknowledged anywhere, in either role. */
export class MemberCurrency implements Pick<Currency, 'current' | 'reached'> {
  readonly #deps: MemberCurrencyDeps;
  /** Each costs a transaction. */
  readonly #caughtUp = new SharedQuestion(() => this.#catchUp());
  /** Waits until its revision is applied here. One at most: questions are shared. */
  #waiting: { readonly revision: number; readonly resolve: (isApplied: boolean) => void } | undefined;
  #isOver = false;

  constructor(deps: MemberCurrencyDeps) {
    this.#deps = deps;
  }

  /**
   * Waits until everything is applied here that was acknowledged anywhere before the call. A refusal when that takes too long: then
   * nothing can be said to be absent.
   */
  async current(): Promise<Fault | undefined> {
    const isCurrent = this.#deps.leads() === undefined ? this.#deps.follow() : this.confirm();
    return (await this.#inTime(isCurrent)) ? undefined : behind('this server cannot tell whether it is up to date');
  }

  /** The same for a revision, which may be applied already. */
  async reached(revision: number): Promise<Fault | undefined> {
    const { revision: applied } = this.#deps;
    if (applied() >= revision) return undefined;
    const fault = await this.current();
    if (fault !== undefined || applied() >= revision) return fault;
    return behind(`revision ${revision} is not here yet; this server is at ${applied()}`);
  }

  /** Resolves with true once a leader has applied all that was acknowledged before the call; with false when it leads no more. */
  confirm(): Promise<boolean> {
    return this.#caughtUp.ask();
  }

  /** A revision was applied here. */
  applied(): void {
    if (this.#waiting !== undefined && this.#waiting.revision <= this.#deps.revision()) this.#settle(true);
  }

  /** Nothing more is applied here. */
  end(): void {
    this.#isOver = true;
    this.#settle(false);
  }

  /**
   * Reads whether this server still leads, which only the store can tell, and how far the log is: followers hear of an append from the
   * store and acknowledge what is in it, perhaps long before its leader has an answer.
   */
  async #catchUp(): Promise<boolean> {
    const { log, leads, revision } = this.#deps;
    const term = leads();
    if (term === undefined) return false;
    try {
      const { leader, revision: last } = await log.tail(term.figures.seq).read();
      if (leader !== undefined && leader.term !== term.number) this.#depose(leader);
      if (leader?.term !== term.number) return false;
      if (last <= revision()) return true;
      return await this.#reach(last);
    } catch {
      return false;
    }
  }

  /** A server that only answers BEHIND would never end, and vouch for its sessions against the one that leads. */
  #depose({ name }: SeenLeader): void {
    this.#deps.deposed(new JournalError('deposed', `server ${name} leads this network now: the term is lost`));
  }

  #reach(revision: number): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting = { revision, resolve };
    });
  }

  #settle(isApplied: boolean): void {
    this.#waiting?.resolve(isApplied);
    this.#waiting = undefined;
  }

  #inTime(isCurrent: Promise<boolean>): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#deps.clock.after(BEHIND_MS_MAX, () => resolve(false));
      void isCurrent.then((is) => {
        timer.cancel();
        resolve(is);
      });
    });
  }
}

function behind(message: string): Fault {
  return new Fault('BEHIND', message, [], BEHIND_RETRY_MS);
}
