import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';

/** What is told of a connection that was refused or closed at a door. */
export interface Refusal {
  /** The code name of the door: `grpc`, `tcp`, `metrics`, … */
  readonly door: string;
  /** One word of a small set, for metrics. */
  readonly cause: string;
  /** In words, for people. */
  readonly why: string;
  /** What is logged by itself: one of a small set, too. Default: the cause. */
  readonly kind?: string | undefined;
  readonly address?: string | undefined;
  /** The option that allows more, if there is one. */
  readonly option?: string | undefined;
}

/** What reports stand on. */
export interface ReportDeps {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
  readonly reportMs: number;
  /** Counts each one, for metrics. */
  readonly count?: ((door: string, cause: string) => void) | undefined;
}

/** How many there were since the last line, and the last of them. */
interface Repetition {
  count: number;
  last: Refusal;
}

/**
 * Tells of what is refused or closed at the doors: each is counted, and of each cause at a door one line is logged at once
 * and then at most one in `reportMs`, with the number of those that it stands for. Whoever floods a port does not flood the
 * log, and a flood of one kind does not hide another.
 */
export class DoorReports {
  readonly #deps: ReportDeps;
  /** By door and kind, for as long as nothing may be logged of them. */
  readonly #quiet = new Map<string, Repetition>();

  constructor(deps: ReportDeps) {
    this.#deps = deps;
  }

  report(refusal: Refusal): void {
    const { door, cause, kind = cause } = refusal;
    this.#deps.count?.(door, cause);
    const key = `${door} ${kind}`;
    const repetition = this.#quiet.get(key);
    if (repetition === undefined) this.#say(key, refusal, 1);
    else {
      repetition.count += 1;
      repetition.last = refusal;
    }
  }

  #say(key: string, refusal: Refusal, count: number): void {
    const { why, kind: _, ...facts } = refusal;
    this.#deps.log.warn({ ...facts, count }, why);
    this.#quiet.set(key, { count: 0, last: refusal });
    this.#deps.clock.after(this.#deps.reportMs, () => {
      const { count: more, last } = this.#quiet.get(key)!;
      this.#quiet.delete(key);
      if (more > 0) this.#say(key, last, more);
    });
  }
}
