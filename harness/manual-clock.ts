import type { Clock, Random, Timer } from '../src/base/clock.js';

/** A clock that stands still until it is told to move: timers and turns run when the test says so. */
export class ManualClock implements Clock {
  private now = 0;
  private turns: (() => void)[] = [];
  private timers: { atMs: number; order: number; call: () => void }[] = [];
  private order = 0;

  /** Timers that have not gone off. */
  get pending(): number {
    return this.timers.length;
  }

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

  /** Runs what was put off to the end of the turn, and not what that puts off. False when there was nothing. */
  turnOnce(): boolean {
    const ready = this.turns.splice(0);
    for (const call of ready) call();
    return ready.length > 0;
  }

  /** Moves on, with every timer on the way at its own time. */
  advance(ms: number): void {
    const end = this.now + ms;
    this.turn();
    while (this.#fireNext(end)) this.turn();
    this.now = end;
  }

  /** Moves on likewise, and lets promises that wait for nothing else finish before each timer and at the end. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    do await this.#settle();
    while (this.#fireNext(end));
    this.now = end;
  }

  /** Moves on without a timer going off on the way: the process stood still. */
  freeze(ms: number): void {
    this.now += ms;
  }

  /** Calls the first timer that goes off until then, and says whether there was one. */
  #fireNext(endMs: number): boolean {
    const [next] = this.timers
      .filter((timer) => timer.atMs <= endMs)
      .sort((x, y) => x.atMs - y.atMs || x.order - y.order);
    if (next === undefined) return false;
    this.timers = this.timers.filter((timer) => timer !== next);
    this.now = Math.max(this.now, next.atMs);
    next.call();
    return true;
  }

  async #settle(): Promise<void> {
    do {
      this.turn();
      await settle();
    } while (this.turns.length > 0);
  }
}

/** A clock whose timers go off when the test says so, and whose turns are the event loop's: for tests with real sockets. */
export class TimersClock extends ManualClock {
  override soon(call: () => void): void {
    setImmediate(call);
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
