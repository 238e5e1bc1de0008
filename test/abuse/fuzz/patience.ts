import { setTimeout as wait } from 'node:timers/promises';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { ask, LATENCY_MS_MAX, Target } from '../tools/target.js';

/** The longest that anything may take, whatever else the machine does: what takes longer than this hangs. */
export const PATIENCE_MS_MAX = 60_000;
/** So many times what a call to a server takes that nobody attacks: the attacked one has its attackers to serve, too. */
const CONTROL_FACTOR = 10;
/** Between two calls to the server that nobody attacks: it takes next to none of the machine. */
const PAUSE_MS = 50;

/** How long everything may take in a round that the server has to do. */
export interface Patience {
  /** A round begins. */
  begin(): void;
  /** In ms, by what is known now. */
  readonly ms: number;
  /** The same in words. */
  readonly said: string;
}

/** The same patience, whatever else the machine does. */
export class FixedPatience implements Patience {
  constructor(readonly ms = LATENCY_MS_MAX) {}

  begin(): void {}

  get said(): string {
    return `${this.ms} ms`;
  }
}

/** How long each call of a control has taken since the last {@link begin}, the one that is under way included. */
export class ControlTimes {
  #slowestMs = 0;
  #startMs: number | undefined;

  constructor(private readonly nowMs: () => number) {}

  begin(): void {
    this.#slowestMs = 0;
  }

  called(): void {
    this.#startMs = this.nowMs();
  }

  answered(): void {
    this.#slowestMs = this.slowestMs;
    this.#startMs = undefined;
  }

  get slowestMs(): number {
    return Math.max(this.#slowestMs, this.#startMs === undefined ? 0 : this.nowMs() - this.#startMs);
  }
}

/**
 * Patience that grows with what else the machine does: an ordinary client also calls a second server, which nobody attacks. While
 * that one answers quickly nothing is forgiven; and nothing may take longer than {@link PATIENCE_MS_MAX}.
 */
export class ControlledPatience implements Patience {
  readonly #leastMs: number;
  readonly #times: Pick<ControlTimes, 'begin' | 'slowestMs'>;

  constructor(leastMs: number, times: Pick<ControlTimes, 'begin' | 'slowestMs'>) {
    this.#leastMs = leastMs;
    this.#times = times;
  }

  begin(): void {
    this.#times.begin();
  }

  get ms(): number {
    const scaledMs = Math.min(CONTROL_FACTOR * this.#times.slowestMs, PATIENCE_MS_MAX);
    return Math.round(Math.max(this.#leastMs, scaledMs));
  }

  get said(): string {
    return `${this.ms} ms, as a call to a server that nobody attacks took ${Math.round(this.#times.slowestMs)} ms`;
  }
}

/** A server that nobody attacks, and an ordinary client that calls it all the time. */
export class Control {
  readonly times = new ControlTimes(() => performance.now());
  readonly #target: Target;
  #isOver = false;
  readonly #calling: Promise<void>;

  private constructor(target: Target) {
    this.#target = target;
    this.#calling = this.#call();
    // A call that fails is looked at when it is closed.
    this.#calling.catch(() => {});
  }

  static async start(): Promise<Control> {
    return new Control(await Target.launch({ callMs: PATIENCE_MS_MAX }));
  }

  /** Ends the server. Rejects when it did not answer one of the calls: then the machine is to blame for whatever was found. */
  async close(): Promise<void> {
    this.#isOver = true;
    try {
      await this.#calling;
    } finally {
      await this.#target.stop();
    }
  }

  /** Each call has a connection of its own, as those have that it is compared with. */
  async #call(): Promise<void> {
    const page = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };
    while (!this.#isOver) {
      const client = this.#target.client();
      this.times.called();
      await ask(client, Sessions.listSessions, page, undefined, PATIENCE_MS_MAX).finally(() => client.close());
      this.times.answered();
      await wait(PAUSE_MS);
    }
  }
}
