import { setTimeout as wait } from 'node:timers/promises';
import * as raw from '../tools/raw.js';
import { fill, type Observed, openSession, Target } from '../tools/target.js';
import { FixedPatience, PATIENCE_MS_MAX, type Patience } from './patience.js';
import { type Offender, type Phase, type Round, type ServerPlan, writesOf } from './plan.js';

/** Sessions that are there before, so that a page of them and a snapshot of the graph are large. */
const SESSIONS = 50;
/** How long one write may wait for a server that reads no more and has not closed the connection either. */
const WRITE_MS = 2_000;
/** The longest `--drain-deadline` of a plan. */
const DRAIN_DEADLINE_MS = 2_000;
/** How long an offender that lingers stays after its last write. */
const LINGER_MS = 500;
/** The ordinary client's connections, the one that reads metrics, and what the server has open of its own now and then. */
const FILES_MAX = 10;
/** Between two looks at what should be over. */
const LOOK_MS = 10;
/** Closed to make room, which nobody is to blame for. */
const NOT_EXPELLED = 'connections beyond the limit';

/** A server that rounds are played to, with an ordinary client beside them. */
export class Arena {
  readonly #target: Target;
  readonly #token: string;
  /** How long everything may take that the server has to do: a call, a farewell, and, beyond its deadline, a drain. */
  readonly #patience: Patience;
  /** Files and sockets that it has open when nobody is there. */
  readonly #filesBefore: number;

  private constructor(target: Target, token: string, patience: Patience) {
    this.#target = target;
    this.#token = token;
    this.#patience = patience;
    this.#filesBefore = target.openFiles();
  }

  /** Starts the server of a plan, under the cap of memory that every target has. */
  static async open({ tls, args }: ServerPlan, patience: Patience = new FixedPatience()): Promise<Arena> {
    const all = ['--metrics-listen', '127.0.0.1:0', ...args];
    const target = await Target.launch({ tls, args: all, callMs: PATIENCE_MS_MAX });
    try {
      await fill(target, SESSIONS);
      const client = target.client();
      const { sessionToken } = await openSession(client, { name: 'fuzz' }, PATIENCE_MS_MAX);
      client.close();
      return new Arena(target, sessionToken, patience);
    } catch (error) {
      await target.stop();
      throw error;
    }
  }

  /** Resident memory of the server at its highest. */
  get peakBytes(): number {
    return this.#target.cap.peakBytes;
  }

  /**
   * Plays a round. Fails when the server ends or takes too much memory, when a call of the ordinary client fails or takes too long, when an
   * offender that was told to go may stay, and when the server keeps a connection that is gone.
   */
  async play({ offenders }: Round): Promise<Observed> {
    this.#patience.begin();
    const seen = await this.#target.beside(async () => {
      await Promise.all(offenders.map((offender) => this.#carryOut(offender)));
      await this.#released();
    });
    const { slowestMs } = seen;
    const { ms, said } = this.#patience;
    if (slowestMs > ms) throw new Error(`an ordinary call took ${Math.round(slowestMs)} ms, more than ${said}`);
    return seen;
  }

  /** Plays a round while the server drains. It fails when the server does not end well, and in time. */
  async drain({ offenders, drainAfterMs = 0 }: Round): Promise<void> {
    // Who comes too late finds nobody there.
    const played = Promise.allSettled(offenders.map((offender) => this.#carryOut(offender)));
    await wait(drainAfterMs);
    this.#patience.begin();
    const startMs = performance.now();
    const takenMs = () => performance.now() - startMs - DRAIN_DEADLINE_MS;
    let status = 'nothing' as number | string;
    const drained = this.#target.drain().then((ended) => (status = ended));
    while (status === 'nothing' && takenMs() < this.#patience.ms) await Promise.race([drained, wait(LOOK_MS)]);
    await played;
    const within = `${DRAIN_DEADLINE_MS} ms and ${this.#patience.said}`;
    if (status !== 0) throw new Error(`a drain ended with ${status} within ${within}: ${this.#target.log}`);
  }

  /** How many connections the server has expelled since it was started, by why. */
  async expelled(): Promise<Map<string, number>> {
    const response = await fetch(`http://${this.#target.metricsAddress}/metrics`);
    const found = (await response.text()).matchAll(/^switchyard_grpc_cut_off_total\{cause="([^"]+)"\} (\d+)$/gm);
    const causes = [...found].map(([, cause, count]) => [cause, Number(count)] as const);
    return new Map(causes.filter(([cause]) => cause !== NOT_EXPELLED));
  }

  async close(): Promise<void> {
    await this.#target.stop();
  }

  async #carryOut({ from, window, phases, ending }: Offender): Promise<void> {
    const connection = await this.#target.dial(from);
    try {
      await connection.write(raw.preface(window));
      for (const phase of phases) await this.#send(connection, phase);
      if (ending === 'linger') await Promise.race([connection.closed, wait(LINGER_MS)]);
      if (ending === 'break') connection.breakOff();
      else await expectGone(connection, this.#patience);
    } finally {
      connection.destroy();
    }
  }

  async #send(connection: raw.RawConnection, phase: Phase): Promise<void> {
    const due = connection.count(raw.HEADERS) + callsOf(phase);
    for (const write of writesOf(phase, this.#token)) {
      if (!connection.isOpen) return;
      await Promise.race([connection.write(write), wait(WRITE_MS, undefined, { ref: false })]);
      await wait(phase.gapMs);
    }
    const endMs = performance.now() + phase.answersMs;
    while (connection.isOpen && connection.count(raw.HEADERS) < due && performance.now() < endMs) await wait(5);
  }

  async #released(): Promise<void> {
    const startMs = performance.now();
    const isKept = () => this.#target.openFiles() > this.#filesBefore + FILES_MAX;
    while (isKept() && performance.now() - startMs < this.#patience.ms) await wait(LOOK_MS);
    if (isKept()) throw new Error(`the server keeps connections that have been gone for ${this.#patience.said}`);
  }
}

function callsOf({ ops }: Phase): number {
  return ops.reduce((calls, op) => calls + (op.op === 'call' ? op.count : 0), 0);
}

/** One that was told that it does too much is closed, whether or not it goes. */
async function expectGone(connection: raw.RawConnection, patience: Patience): Promise<void> {
  if (connection.goaway !== raw.ENHANCE_YOUR_CALM) return;
  const startMs = performance.now();
  while (connection.isOpen && performance.now() - startMs < patience.ms) await wait(LOOK_MS);
  if (connection.isOpen) throw new Error(`an offender that was told to go is still there after ${patience.said}`);
}
