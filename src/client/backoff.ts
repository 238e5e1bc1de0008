import type { Random } from '../base/clock.js';
import { LIMITS } from './limits.js';

/**
 * How long to wait before trying again: exponential, with full jitter, so that a fleet that lost its server at one
 * moment does not come back at one moment.
 *
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter does the least work.
 */
export class Backoff {
  #failures = 0;

  constructor(private readonly random: Random) {}

  /** Tells how long a try stood before it failed. A steady one was a success: the failures before it do not count. */
  stood(ms: number): void {
    if (ms >= LIMITS.steadyMs) this.#failures = 0;
  }

  /**
   * Counts a failure and draws the wait after it.
   *
   * What the server asked for (`retryAfterMs`) is the least; the jitter, of at most `maxMs`, comes on top of it,
   * because everybody was told the same.
   */
  afterFailure(retryAfterMs = 0, maxMs: number = LIMITS.backoffMaxMs): number {
    const windowMs = Math.min(maxMs, LIMITS.backoffMaxMs, LIMITS.backoffFirstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return Math.max(0, retryAfterMs) + this.random.fraction() * windowMs;
  }
}
