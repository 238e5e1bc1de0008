import type { Clock, Timer } from '../../src/base/clock.js';

/** A clock that stands still until it is told how late it is. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #nth = 0;
  readonly #due = new Map<number, { readonly atMs: number; readonly call: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_750_000_000_000 + this.#nowMs;
  }

  after(delayMs: number, call: () => void): Timer {
    const nth = ++this.#nth;
    this.#due.set(nth, { atMs: this.#nowMs + delayMs, call });
    return { cancel: () => void this.#due.delete(nth) };
  }

  soon(call: () => void): void {
    this.after(0, call);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#due.size;
  }

  /** Lets so much time pass, and what is due in it happen in order. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      const [nth, { atMs, call }] = next;
      this.#due.delete(nth);
      this.#nowMs = Math.max(this.#nowMs, atMs);
      call();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number) {
    const due = [...this.#due].filter(([, { atMs }]) => atMs <= untilMs);
    return due.sort(([one, a], [other, b]) => a.atMs - b.atMs || one - other).at(0);
  }
}
