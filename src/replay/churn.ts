import type { Clock, Random } from '../base/clock.js';
import { wait } from '../client/instance/scope.js';
import type { ReplayedMember } from './member.js';

/** How often it is looked whose turn it is. Shorter than anybody is away. */
const TICK_MS = 20;
/**
 * A look that comes later than this after the one before: the process stood still or had too much to do, and the time beyond this does not
 * count. All whose turn had come would leave at once.
 */
const STANDSTILL_MS = 25 * TICK_MS;
/** How long somebody is away: at least this … */
const AWAY_MS_MIN = 500;
/** … and up to so much longer. */
const AWAY_MS_SPREAD = 2_000;

/** How much is to come and go. */
export interface ChurnRequest {
  /** Nodes that leave each second. */
  readonly ratePerS: number;
  readonly forMs: number;
}

/** What came and went. */
export interface ChurnSummary {
  /** With a goodbye. */
  readonly left: number;
  /** Without one: the new session supersedes the old. */
  readonly vanished: number;
  /** Turns at which nobody was there to leave. */
  readonly skipped: number;
  /** Time that did not count, as the process stood still or had too much to do: so much longer it took. */
  readonly leftOutMs: number;
}

/** The same in words. */
export function describeChurn({ left, vanished, skipped, leftOutMs }: ChurnSummary): string {
  const seconds = (leftOutMs / 1_000).toFixed(1);
  return [
    `churn: ${left} left and ${vanished} vanished, and all returned`,
    ...(skipped > 0 ? [`${skipped} turns skipped`] : []),
    ...(leftOutMs > 0 ? [`left out: ${seconds} s in which this process stood still or had too much to do`] : []),
  ].join('; ');
}

/** What a churn needs from outside. */
export interface ChurnSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Makes members of a replay leave and return for a while, half of them with a goodbye and half without. */
export class Churn {
  private readonly counts = { left: 0, vanished: 0, skipped: 0, leftOutMs: 0 };
  private readonly present: ReplayedMember[];
  private readonly away = new Set<Promise<void>>();
  private readonly failures: unknown[] = [];

  constructor(
    members: readonly ReplayedMember[],
    private readonly surroundings: ChurnSurroundings,
  ) {
    this.present = [...members];
  }

  /** Resolves when everybody who left has joined again. Rejects when one of them is refused. */
  async run({ ratePerS, forMs }: ChurnRequest): Promise<ChurnSummary> {
    const { clock, signal } = this.surroundings;
    let elapsedMs = 0;
    let lookedMs = clock.nowMs();
    for (let turns = 0; ; ) {
      const nowMs = clock.nowMs();
      const sinceMs = nowMs - lookedMs;
      elapsedMs += Math.min(sinceMs, STANDSTILL_MS);
      this.counts.leftOutMs += Math.max(0, sinceMs - STANDSTILL_MS);
      lookedMs = nowMs;
      const due = Math.floor((ratePerS * Math.min(elapsedMs, forMs)) / 1000);
      for (; turns < due; turns++) this.takeTurn();
      if (elapsedMs >= forMs || this.failures.length > 0) break;
      await wait(clock, TICK_MS, signal);
    }
    await Promise.all(this.away);
    if (this.failures.length > 0) throw this.failures[0];
    return this.counts;
  }

  private takeTurn(): void {
    const member = this.takeAny();
    if (member === undefined) {
      this.counts.skipped += 1;
      return;
    }
    const trip = this.goAndReturn(member).then(
      () => void this.present.push(member),
      (error: unknown) => void this.failures.push(error),
    );
    this.away.add(trip);
    void trip.then(() => this.away.delete(trip));
  }

  private async goAndReturn(member: ReplayedMember): Promise<void> {
    const { clock, random, signal } = this.surroundings;
    if (random.fraction() < 0.5) {
      this.counts.left += 1;
      await member.leave();
    } else {
      this.counts.vanished += 1;
      member.vanish();
    }
    await wait(clock, AWAY_MS_MIN + random.fraction() * AWAY_MS_SPREAD, signal);
    await member.join();
  }

  /** Takes anybody out of those present: the last one fills the gap, so that it costs the same for a large fleet. */
  private takeAny(): ReplayedMember | undefined {
    if (this.present.length === 0) return undefined;
    const index = Math.floor(this.surroundings.random.fraction() * this.present.length);
    const last = this.present.pop()!;
    if (index === this.present.length) return last;
    const member = this.present[index];
    this.present[index] = last;
    return member;
  }
}
