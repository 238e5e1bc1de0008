import type { Clock, Random, Timer } from '../src/base/clock.js';

/** Time that passes only when a test says so. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #serial = 0;
  readonly #timers = new Map<number, { atMs: number; call: () => void }>();

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, call: () => void): Timer {
    const id = this.#serial++;
    this.#timers.set(id, { atMs: this.#nowMs + delayMs, call });
    return { cancel: () => void this.#timers.delete(id) };
  }

  soon(call: () => void): void {
    this.after(0, call);
  }

  /** Lets time pass: every timer that falls due fires in its order, and what it sets off is let finish. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const [due] = [...this.#timers].filter(([, t]) => t.atMs <= untilMs).sort(([, a], [, b]) => a.atMs - b.atMs);
      if (!due) break;
      this.#timers.delete(due[0]);
      this.#nowMs = Math.max(this.#nowMs, due[1].atMs);
      due[1].call();
      await settle();
    }
    this.#nowMs = untilMs;
  }
}

/** Lets everything finish that waits for nothing but promises. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A die that always falls on the same side. */
export function constantRandom(fraction: number): Random {
  return { bytes: (count) => new Uint8Array(count), fraction: () => fraction };
}
