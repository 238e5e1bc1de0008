import type { Clock, Random } from '../../base/clock.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import { Backoff } from '../backoff.js';
import { isOfMonth, SwitchyardError } from '../error.js';
import { eventOf } from '../instance/lifecycle.js';
import { wait } from '../instance/scope.js';

/** What it takes to open an end of a stream again and again. */
export interface ReopenerDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** Opens an end of a stream, and again when the server was away: what time does not heal is thrown. */
export class Reopener {
  readonly #backoff: Backoff;

  constructor(
    private readonly deps: ReopenerDeps,
    private readonly signal: AbortSignal,
  ) {
    this.#backoff = new Backoff(deps.random);
  }

  /** `error`: why the last end is over; then there is a wait first. Rejects with the signal's reason, too. */
  async open<End>(open: (signal: AbortSignal) => Promise<End>, error?: unknown): Promise<End> {
    const { clock } = this.deps;
    const endMs = clock.nowMs() + CONNECTION_TIMES.reopenMs;
    for (let failure = error; ; ) {
      if (failure !== undefined) await this.#rest(failure, endMs);
      this.signal.throwIfAborted();
      const openedMs = clock.nowMs();
      try {
        return await open(this.signal);
      } catch (again) {
        this.#backoff.stood(clock.nowMs() - openedMs);
        failure = again;
      }
    }
  }

  /** An end has stood for so long: the failures before it do not count. */
  stood(ms: number): void {
    this.#backoff.stood(ms);
  }

  async #rest(error: unknown, endMs: number): Promise<void> {
    this.signal.throwIfAborted();
    if (!(error instanceof SwitchyardError) || eventOf(error) !== 'broke' || isOfMonth(error)) throw error;
    if (this.deps.clock.nowMs() > endMs) throw error;
    await wait(
      this.deps.clock,
      Math.min(CONNECTION_TIMES.reopenWaitMaxMs, this.#backoff.afterFailure(error.retryAfterMs)),
      this.signal,
    );
  }
}
