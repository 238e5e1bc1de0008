import type { Scheduler } from '../machine/scheduler.js';

/**
 * Until when sessions were promised to live: by being opened, and by each renewal that a server has accepted while the promise before it
 * held. A renewal that comes later may be accepted and yet be too late, at a server that is not the session's home.
 */
export class Promises {
  readonly #scheduler: Scheduler;
  readonly #ttlMs: number;
  readonly #untilMs = new Map<number, number>();

  constructor(scheduler: Scheduler, ttlMs: number) {
    this.#scheduler = scheduler;
    this.#ttlMs = ttlMs;
  }

  /** A session was acknowledged that was asked for then. */
  opened(sid: number, atMs: number): void {
    this.#untilMs.set(sid, atMs + this.#ttlMs);
  }

  /** A server has accepted a renewal. */
  renewed(sid: number): void {
    const { nowMs } = this.#scheduler;
    if ((this.#untilMs.get(sid) ?? 0) > nowMs) this.#untilMs.set(sid, nowMs + this.#ttlMs);
  }

  /** A session has ended. The result is for how long it was promised to live on; 0: it was not. */
  ended(sid: number): number {
    const leftMs = Math.max(0, (this.#untilMs.get(sid) ?? 0) - this.#scheduler.nowMs);
    this.#untilMs.delete(sid);
    return leftMs;
  }

  /** Forgets all: what was acknowledged is not so any more. */
  clear(): void {
    this.#untilMs.clear();
  }
}
