import type { Clock, Timer } from '../base/clock.js';

/** A process that did not run for this long was stopped or starved: no client could reach it. */
const PAUSE_MS = 1_500;

/**
 * A time that stands still while no client can reach the server: while the process is stopped, and from a restart until the
 * doors are open. Clients' deadlines are measured by it, so a pause extends a lease or an order's deadline by its own length
 * and no more: repeated pauses keep nothing alive for ever.
 */
export class ServingTime {
  /** When the process was last known to run, on the clock. */
  #ranAt: number;
  /** How long the server was unreachable in all: how far this time is behind the clock. */
  #stoodMs = 0;

  constructor(private readonly clock: Clock) {
    this.#ranAt = clock.nowMs();
  }

  /** The time. The first call after a pause detects it. */
  nowMs(): number {
    const nowMs = this.clock.nowMs();
    if (nowMs - this.#ranAt > PAUSE_MS) this.#standStill(nowMs);
    return nowMs - this.#stoodMs;
  }

  /** Records that the process runs, and returns the time. Call it more often than once a second. */
  tick(): number {
    const nowMs = this.nowMs();
    this.#ranAt = this.clock.nowMs();
    return nowMs;
  }

  /** Called when the doors open: until now the server was unreachable. */
  opened(): void {
    this.#standStill(this.clock.nowMs());
  }

  /** Calls back once `ms` of this time have passed. After a pause the timer is set again for what is left. */
  after(ms: number, callback: () => void): Timer {
    const dueMs = this.nowMs() + ms;
    let timer: Timer;
    const set = (leftMs: number) => {
      timer = this.clock.after(leftMs, () => {
        const restMs = dueMs - this.nowMs();
        // In whole milliseconds: less than the clock can tell apart would fire in the same moment, again and again.
        if (restMs > 0) set(Math.ceil(restMs));
        else callback();
      });
    };
    set(ms);
    return { cancel: () => timer.cancel() };
  }

  #standStill(nowMs: number): void {
    this.#stoodMs += nowMs - this.#ranAt;
    this.#ranAt = nowMs;
  }
}
