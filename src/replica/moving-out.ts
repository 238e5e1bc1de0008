import type { Clock, Timer } from '../base/clock.js';
import { draining, goElsewhere } from '../core/model/draining.js';
import type { Fault } from '../core/model/fault.js';
import type { Neighbours } from './neighbours.js';

/** Attachments that a drain ends in a second: each is a call at another server, which takes some thousands beside its other work. */
const DRAINED_PER_SECOND = 2_000;
const DRAIN_TICK_MS = 50;
/** What part of the time until calls are cut off a drain uses for all of them. */
const DRAIN_PART = 0.8;

/** A server with more attachments than this many times the mean lets some go. */
const UNEVEN = 1.2;
/** And with more than so many above the mean: of less, one that goes leaves the servers as uneven as they were, the other way round. */
const ABOVE_MEAN = 1;
/** What part of its attachments it lets go in a minute: slower than anybody notices, and all is even again after an hour or two. */
const PART_PER_MINUTE = 0.01;
const BALANCE_TICK_MS = 1_000;
const TICKS_PER_MINUTE = 60_000 / BALANCE_TICK_MS;

/** The attachments of a server, as they are let go of. */
export interface Leaving {
  readonly count: number;
  readonly neighbours: Neighbours;
  /** The sessions that are attached. */
  sids(): Iterable<number>;
  /** How long a session lives without an attachment. */
  livesMs(sid: number): number;
  /** Ends the attachment of a session, which is to attach anew: at another server where `isMoving`. */
  release(sid: number, fault: Fault, isMoving?: boolean): void;
}

/**
 * Ends all attachments within the time, one after another: each is told which other servers there are. Undefined: there are none. When
 * there are none any more, those that are left end at once, each with a turn to come back in: without it they would all come back in one
 * moment.
 */
export function drainElsewhere(attachments: Leaving, clock: Clock, withinMs: number): Timer | undefined {
  if (attachments.neighbours.others.length === 0) return undefined;
  const ticks = Math.max(1, Math.floor((withinMs * DRAIN_PART) / DRAIN_TICK_MS));
  const perTick = Math.max((DRAINED_PER_SECOND * DRAIN_TICK_MS) / 1_000, Math.ceil(attachments.count / ticks));
  let timer: Timer;
  const some = () => {
    if (attachments.neighbours.others.length === 0) return endAll(attachments);
    letGo(attachments, perTick, 'the server is draining');
    if (attachments.count > 0) timer = clock.after(DRAIN_TICK_MS, some);
  };
  some();
  return { cancel: () => timer?.cancel() };
}

/**
 * Lets attachments go where this server has many more than the others. After a rolling restart the one that was restarted last has none:
 * nobody would go there by itself.
 */
export class Balancer {
  readonly #attachments: Leaving;
  readonly #clock: Clock;
  #due = 0;
  #timer: Timer;

  constructor(attachments: Leaving, clock: Clock) {
    this.#attachments = attachments;
    this.#clock = clock;
    this.#timer = this.#schedule();
  }

  close(): void {
    this.#timer.cancel();
  }

  #schedule(): Timer {
    return this.#clock.after(BALANCE_TICK_MS, () => {
      this.#tick();
      this.#timer = this.#schedule();
    });
  }

  #tick(): void {
    const { count, neighbours } = this.#attachments;
    const mean = neighbours.meanAttached;
    if (mean === undefined || count <= UNEVEN * mean || count - mean <= ABOVE_MEAN) {
      this.#due = 0;
      return;
    }
    this.#due += (count * PART_PER_MINUTE) / TICKS_PER_MINUTE;
    const now = Math.floor(this.#due);
    this.#due -= now;
    letGo(this.#attachments, now, 'the server has more than its share of the sessions');
  }
}

/** Ends every attachment of a server that goes down, and that clients have to come back to. */
export function endAll(attachments: Leaving): undefined {
  let nth = 0;
  for (const sid of attachments.sids()) attachments.release(sid, draining(nth++, attachments.livesMs(sid)));
}

function letGo(attachments: Leaving, count: number, why: string): void {
  const { others } = attachments.neighbours;
  if (others.length === 0) return;
  let nth = 0;
  for (const sid of attachments.sids()) {
    if (nth >= count) return;
    attachments.release(sid, goElsewhere(why, others, nth++), true);
  }
}
