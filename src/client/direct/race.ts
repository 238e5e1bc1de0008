import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import { within } from '../../base/timing.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import { wait } from '../instance/scope.js';
import { PUNCH_LIMITS } from './limits.js';
import { confirmPath, nominate, nominated } from './nominate.js';
import { failHandshake, type Outcome, outcomeOf, PathError } from './outcome.js';
import type { AttemptPlan } from './path.js';
import { secure } from './secure.js';

/** The path that won. */
export interface Winner<Raw> {
  readonly raw: Raw;
  readonly stream: TLSSocket;
  /** How long the confirmation of the nomination took; only the controlling end knows. */
  readonly roundTripMs: number | undefined;
}

/**
 * Paths of one attempt on their way to being the one that is used: each is proved, then one is nominated.
 *
 * The controlling end nominates in the order in which paths were proved, one at a time, so the other end never has to
 * choose. What does not win is destroyed, at the latest when the attempt is over.
 */
export class PathRace<Raw extends Duplex> {
  readonly winner: Promise<Winner<Raw> | undefined>;
  readonly #plan: AttemptPlan;
  readonly #clock: Clock;
  readonly #discard: (raw: Raw) => void;
  readonly #over = new AbortController();
  readonly #entered = new Set<Raw>();
  /** Connections that came and have not proved their key, and since when: the oldest first. */
  readonly #strangers = new Map<Raw, number>();
  #settle!: (winner: Winner<Raw> | undefined) => void;
  /** The end of the last nomination, which the next one waits for. */
  #turn: Promise<void> = Promise.resolve();

  /**
   * `discard` ends a path that lost, without a trace: what lingers (TIME_WAIT) would be in the way of the next attempt
   * between the same two ports.
   */
  constructor(plan: AttemptPlan, clock: Clock, discard: (raw: Raw) => void) {
    this.#plan = plan;
    this.#clock = clock;
    this.#discard = discard;
    setMaxListeners(0, this.#over.signal); // bounded by the candidates and `strangersMax`, more than Node finds usual
    this.winner = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Whether it has been decided, or given up. */
  get over(): boolean {
    return this.#over.signal.aborted;
  }

  /** Waits, but not past the end of the race. */
  async wait(delayMs: number): Promise<void> {
    await wait(this.#clock, delayMs, this.#over.signal).catch(() => {});
  }

  /** Enters a connection that came, in the place of one that has been silent where there are too many. */
  async enterAccepted(raw: Raw): Promise<Outcome> {
    if (!this.#makeRoom()) {
      this.#discard(raw);
      return 'not needed any more';
    }
    this.#strangers.set(raw, this.#clock.nowMs());
    return this.enter(raw);
  }

  /** Enters a path; answers with why it lost, for people, or with `connected`. */
  async enter(raw: Raw): Promise<Outcome> {
    if (this.over) {
      this.#discard(raw);
      return 'not needed any more';
    }
    this.#entered.add(raw);
    try {
      const proving = (signal: AbortSignal) => secure(raw, this.#plan, signal).catch(failHandshake);
      const stream = await within(this.#clock, CONNECTION_TIMES.secureMs, proving, this.#over.signal);
      this.#strangers.delete(raw);
      const roundTripMs = await (this.#plan.controlling ? this.#nominate(stream) : this.#confirm(stream));
      this.#win({ raw, stream, roundTripMs });
      return 'connected';
    } catch (error) {
      this.#strangers.delete(raw);
      this.#entered.delete(raw);
      this.#discard(raw);
      return this.over ? 'not needed any more' : outcomeOf(error);
    }
  }

  /** Ends the race; without a winner if there is none yet. Everything that lost is destroyed. */
  end(): void {
    this.#settle(undefined);
    this.#over.abort();
    for (const raw of this.#entered) this.#discard(raw);
    this.#entered.clear();
    this.#strangers.clear();
  }

  #makeRoom(): boolean {
    if (this.#strangers.size < PUNCH_LIMITS.strangersMax) return true;
    for (const [oldest, sinceMs] of this.#strangers) {
      if (this.#clock.nowMs() - sinceMs < CONNECTION_TIMES.silentMs) return false;
      this.#strangers.delete(oldest);
      this.#discard(oldest);
      return true;
    }
    return true;
  }

  async #nominate(stream: TLSSocket): Promise<number> {
    const before = this.#turn;
    const nomination = before.then(() => {
      if (this.over) throw new PathError('not nominated');
      return nominate(stream, this.#plan.nonce, this.#clock, this.#over.signal);
    });
    this.#turn = nomination.then(
      () => {},
      () => {},
    );
    return nomination;
  }

  async #confirm(stream: TLSSocket): Promise<undefined> {
    await nominated(stream, this.#plan.nonce, this.#over.signal);
    if (this.over) throw new PathError('not nominated');
    confirmPath(stream, this.#plan.nonce);
  }

  #win(winner: Winner<Raw>): void {
    this.#entered.delete(winner.raw);
    this.#settle(winner);
    this.end();
  }
}
