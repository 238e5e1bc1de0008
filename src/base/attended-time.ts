import type { Clock } from './clock.js';

/**
 * The time in which this process looked after its connections, for bounds on what their clients do. Time in which the process
 * was stopped or starved is not theirs: between two looks at most `lookMs` pass, however late the second one comes.
 */
export class AttendedTime {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #lookMs: number;
  #passedMs = 0;
  #lookedMs: number;

  /** `lookMs` is the interval of the looks, and as much more as one may be late before the rest does not count. */
  constructor(clock: Pick<Clock, 'nowMs'>, lookMs: number) {
    this.#clock = clock;
    this.#lookMs = lookMs;
    this.#lookedMs = clock.nowMs();
  }

  /** Milliseconds that have passed. */
  nowMs(): number {
    return this.#passedMs + Math.min(this.#clock.nowMs() - this.#lookedMs, this.#lookMs);
  }

  /** Records a look, and answers with the time. */
  look(): number {
    this.#passedMs = this.nowMs();
    this.#lookedMs = this.#clock.nowMs();
    return this.#passedMs;
  }
}
