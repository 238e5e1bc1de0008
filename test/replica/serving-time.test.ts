import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Clock } from '../../src/base/clock.js';
import { ServingTime } from '../../src/replica/serving-time.js';

/** A clock with fractions, as a simulation's: it stands where its next timer is due, and is never late. */
class ExactClock {
  now: number;
  readonly #timers: { readonly at: number; readonly call: () => void }[] = [];

  constructor(now: number) {
    this.now = now;
  }

  nowMs(): number {
    return this.now;
  }

  after(ms: number, call: () => void): { cancel(): void } {
    this.#timers.push({ at: this.now + ms, call });
    return { cancel: () => {} };
  }

  /** Lets the next timer fire; false: there is none. */
  fire(): boolean {
    const next = this.#timers.shift();
    if (next === undefined) return false;
    this.now = Math.max(this.now, next.at);
    next.call();
    return true;
  }
}

describe('the time in which a server serves', () => {
  it('calls back after at most one more timer, however its fractions are rounded', () => {
    const fraction = fc.double({ min: 0, max: 1_000, noNaN: true });
    fc.assert(
      fc.property(fraction, fraction, fraction, (start, more, ms) => {
        const clock = new ExactClock(start * 100);
        const time = new ServingTime(clock as unknown as Clock);
        clock.now += 2_000 + more;
        time.tick();
        let isCalled = false;
        time.after(ms, () => {
          isCalled = true;
        });
        let fired = 0;
        while (!isCalled && fired < 10 && clock.fire()) fired++;
        expect({ isCalled, isSoon: fired <= 2 }).toEqual({ isCalled: true, isSoon: true });
      }),
      { numRuns: 2_000 },
    );
  });
});
