import type { Logger } from 'pino';
import type { Clock } from './clock.js';

/** A level at which events are told. */
type Level = 'info' | 'warn';

/** One event, as it is told. */
export interface LogEvent {
  readonly level: Level;
  /** What is counted together: one of a small set, since each of the set is kept. */
  readonly kind: string;
  /** What happened, in words that are the same for every event of the kind. */
  readonly words: string;
  /** Asked for only when a line is written. */
  readonly facts: () => object;
}

/** What an event log stands on. */
export interface EventLogDeps {
  readonly clock: Clock;
  readonly log: Pick<Logger, Level>;
  /** So many events of a kind have a line each … */
  readonly burst: number;
  /** … and those that follow are counted, with one line for all of them in so much time. */
  readonly everyMs: number;
}

/** What was not told of a kind, and how many may still be told one by one. */
interface Tally {
  left: number;
  count: number;
  last: LogEvent;
}

/**
 * Tells of what happens, so that a flood of it does not fill a disk: a burst has a line for each event, and from then on one
 * line says how many there were, with the facts of the last. Once none has come for `everyMs`, a burst is told again. A flood
 * of one kind does not hide another.
 */
export class EventLog {
  readonly #deps: EventLogDeps;
  /** By kind, for as long as it is not forgotten what was told. */
  readonly #tallies = new Map<string, Tally>();

  constructor(deps: EventLogDeps) {
    this.#deps = deps;
  }

  tell(event: LogEvent): void {
    const tally = this.#tallies.get(event.kind) ?? this.#begin(event);
    tally.last = event;
    if (tally.left === 0) {
      tally.count += 1;
      return;
    }
    tally.left -= 1;
    this.#write(event, 1);
  }

  #begin(event: LogEvent): Tally {
    const tally = { left: this.#deps.burst, count: 0, last: event };
    this.#tallies.set(event.kind, tally);
    this.#lookAgain(event.kind, tally);
    return tally;
  }

  #lookAgain(kind: string, tally: Tally): void {
    this.#deps.clock.after(this.#deps.everyMs, () => {
      const { count, last } = tally;
      if (count === 0) {
        this.#tallies.delete(kind);
        return;
      }
      tally.left = 0;
      tally.count = 0;
      this.#write(last, count);
      this.#lookAgain(kind, tally);
    });
  }

  #write({ level, words, facts }: LogEvent, count: number): void {
    this.#deps.log[level]({ ...facts(), count }, words);
  }
}
