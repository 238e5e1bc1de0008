import type { Clock, Timer } from '../src/base/clock.js';

/** A clock that stands still until it is told to move: timers and turns run when the test says so. */
export class ManualClock implements Clock {
  private now = 0;
  private turns: (() => void)[] = [];
  private timers: { atMs: number; order: number; call: () => void }[] = [];
  private order = 0;

  nowMs(): number {
    return this.now;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.now;
  }

  after(delayMs: number, call: () => void): Timer {
    const timer = { atMs: this.now + delayMs, order: this.order++, call };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer);
      },
    };
  }

  soon(call: () => void): void {
    this.turns.push(call);
  }

  /** Runs what was put off to the end of the turn, and what that puts off. */
  turn(): void {
    while (this.turns.length > 0) {
      const ready = this.turns;
      this.turns = [];
      for (const call of ready) call();
    }
  }

  /** Runs what was put off to the end of the turn, and not what that puts off. */
  turnOnce(): void {
    for (const call of this.turns.splice(0)) call();
  }

  /** Moves on, with every timer on the way at its own time. */
  advance(ms: number): void {
    const end = this.now + ms;
    this.turn();
    for (;;) {
      const [next] = this.timers
        .filter((timer) => timer.atMs <= end)
        .sort((x, y) => x.atMs - y.atMs || x.order - y.order);
      if (next === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.now = Math.max(this.now, next.atMs);
      next.call();
      this.turn();
    }
    this.now = end;
  }

  /** Moves on without a timer going off on the way: the process stood still. */
  freeze(ms: number): void {
    this.now += ms;
  }
}
