import type { Clock, Timer } from '../base/clock.js';

/** The process was stopped, or starved, when nothing was heard of it for this long; then nobody could reach it. */
const PAUSE_MS = 1_500;

/**
 * A time that stands still while nobody can reach the server: while the process is stopped, and until the doors are open after a
 * restart. What clients have to do in time is measured by it, so that a pause extends a lease or the deadline of an order by its own
 * length and by no more: pauses that come again and again keep nothing for ever.
 */
export class ServingTime {
  /** When the process was last known to run, on the clock. */
  #ranAt: number;
  /** For how long nobody could reach the server, in all: how far this time is behind the clock. */
  #stoodMs = 0;

  constructor(private readonly clock: Clock) {
    this.#ranAt = clock.nowMs();
  }

  /** The time. A pause is noticed by whoever asks for it first. */
  nowMs(): number {
    const nowMs = this.clock.nowMs();
    if (nowMs - this.#ranAt > PAUSE_MS) this.#standStill(nowMs);
    return nowMs - this.#stoodMs;
  }

  /** The process runs. To be called more often than every second. Returns the time. */
  tick(): number {
    const nowMs = this.nowMs();
    this.#ranAt = this.clock.nowMs();
    return nowMs;
  }

  /** The doors are open: until now nobody could reach the server. */
  opened(): void {
    this.#standStill(this.clock.nowMs());
  }

  /** Calls back once so much of this time has passed; a timer that a pause made late is set again for what is left. */
  after(ms: number, callback: () => void): Timer {
    const dueMs = this.nowMs() + ms;
    let timer: Timer;
    const set = (leftMs: number) => {
      timer = this.clock.after(leftMs, () => {
        const restMs = dueMs - this.nowMs();
        if (restMs > 0) set(restMs);
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
