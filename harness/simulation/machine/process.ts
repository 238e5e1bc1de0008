import type { Clock, Timer } from '../../../src/base/clock.js';
import type { Scheduler } from './scheduler.js';

/** Wall time at the beginning of every run. */
const WALL_START_MS = 1_750_000_000_000;

/**
 * A process of the simulated world: it runs, stands still (SIGSTOP), or is dead (SIGKILL, at any moment).
 *
 * Whatever happens to it goes through {@link perform}, so that a dead one does nothing more and a stopped one does it all
 * in order when it goes on, with a clock that has moved on meanwhile. What happens while it catches up comes after what it
 * missed: otherwise a message could overtake those before it.
 */
export class Process {
  private alive = true;
  private stopped = false;
  private held: (() => void)[] = [];
  private readonly bornMs: number;
  /** When it last began or went on after it stood still. */
  runningSinceMs: number;
  /** How far its wall clock is off. */
  wallSkewMs = 0;
  readonly clock: Clock;

  constructor(private readonly scheduler: Scheduler) {
    this.bornMs = scheduler.nowMs;
    this.runningSinceMs = this.bornMs;
    this.clock = {
      nowMs: () => scheduler.nowMs - this.bornMs,
      wallMs: () => WALL_START_MS + Math.floor(scheduler.nowMs) + this.wallSkewMs,
      after: (delayMs, call) => this.after(delayMs, call),
      soon: (call) => void this.after(0, call),
    };
  }

  get isAlive(): boolean {
    return this.alive;
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  /** Does something in this process, now or as soon as it can; never when it is dead. */
  perform(call: () => void): void {
    if (!this.alive) return;
    if (this.stopped || this.held.length > 0) this.held.push(call);
    else call();
  }

  /** Resolves when this process has waited so long. Never, when it dies meanwhile. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** Ends it at once; nobody is told. */
  kill(): void {
    this.alive = false;
    this.held = [];
  }

  /** Lets it stand still. */
  stop(): void {
    this.stopped = true;
  }

  /** Lets it go on: what it missed happens now, one after the other. */
  proceed(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.runningSinceMs = this.scheduler.nowMs;
    this.catchUp();
  }

  /** Does what it missed, each in an event of its own. */
  private catchUp(): void {
    if (this.held.length === 0) return;
    this.scheduler.after(0, () => {
      if (this.stopped) return;
      this.held.shift()?.();
      this.catchUp();
    });
  }

  private after(delayMs: number, call: () => void): Timer {
    let cancelled = false;
    const event = this.scheduler.after(delayMs, () =>
      this.perform(() => {
        if (!cancelled) call();
      }),
    );
    return {
      cancel: () => {
        cancelled = true;
        this.scheduler.cancel(event);
      },
    };
  }
}
