import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { EventLog } from '../base/event-log.js';

/** What is told of a connection that was refused or closed at a door. */
export interface DoorRefusal {
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
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly reportMs: number;
  /** Counts each one, for metrics. */
  readonly count?: ((door: string, cause: string) => void) | undefined;
}

/**
 * Tells of what is refused or closed at the doors: each is counted, and of each cause at a door one line is logged at once
 * and then at most one in `reportMs`, with the number of those that it stands for. Whoever floods a port does not flood the
 * log, and a flood of one kind does not hide another.
 */
export class DoorReports {
  readonly #deps: ReportDeps;
  readonly #events: EventLog;

  constructor(deps: ReportDeps) {
    this.#deps = deps;
    const { clock, log, reportMs } = deps;
    this.#events = new EventLog({ clock, log, burst: 1, everyMs: reportMs });
  }

  report({ kind, why, ...facts }: DoorRefusal): void {
    const { door, cause } = facts;
    this.#deps.count?.(door, cause);
    this.#events.tell({ level: 'warn', kind: `${door} ${kind ?? cause}`, words: why, facts: () => facts });
  }
}
