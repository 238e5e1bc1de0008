import { setTimeout as wait } from 'node:timers/promises';
import * as raw from '../tools/raw.js';
import { fill, LATENCY_MS_MAX, type Observed, openSession, Target } from '../tools/target.js';
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
/** Closed to make room, which nobody is to blame for. */
const NOT_EXPELLED = 'connections beyond the limit';

/** A server that rounds are played to, with an ordinary client beside them. */
export class Arena {
  readonly #target: Target;
  readonly #token: string;
  /** How long everything may take that the server has to do: a call, a farewell, and, beyond its deadline, a drain. */
  readonly #patienceMs: number;
  /** Files and sockets that it has open when nobody is there. */
  readonly #filesBefore: number;

  private constructor(target: Target, token: string, patienceMs: number) {
    this.#target = target;
    this.#token = token;
    this.#patienceMs = patienceMs;
    this.#filesBefore = target.openFiles();
  }

  /** Starts the server of a plan, under the cap of memory that every target has. */
  static async open({ tls, args }: ServerPlan, patienceMs = LATENCY_MS_MAX): Promise<Arena> {
    const all = ['--metrics-listen', '127.0.0.1:0', ...args];
    const target = await Target.launch({ tls, args: all, callMs: patienceMs });
    try {
      await fill(target, SESSIONS);
      const client = target.client();
      const { sessionToken } = await openSession(client, { name: 'fuzz' }, patienceMs);
      client.close();
      return new Arena(target, sessionToken, patienceMs);
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
   * Plays a round. Fails when the server ends or takes too much memory, when a call of the ordinary client fails, when an
   * offender that was told to go may stay, and when the server keeps a connection that is gone.
   */
  async play({ offenders }: Round): Promise<Observed> {
    return this.#target.beside(async () => {
      await Promise.all(offenders.map((offender) => this.#carryOut(offender)));
      await this.#released();
    });
  }

  /** Plays a round while the server drains. It fails when the server does not end well, and in time. */
  async drain({ offenders, drainAfterMs = 0 }: Round): Promise<void> {
    // Who comes too late finds nobody there.
    const played = Promise.allSettled(offenders.map((offender) => this.#carryOut(offender)));
    await wait(drainAfterMs);
    const limitMs = DRAIN_DEADLINE_MS + this.#patienceMs;
    const status = await Promise.race([this.#target.drain(), wait(limitMs, 'nothing', { ref: false })]);
    await played;
    if (status !== 0) throw new Error(`a drain ended with ${status} within ${limitMs} ms: ${this.#target.log}`);
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
      else await expectGone(connection, this.#patienceMs);
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
    const endMs = performance.now() + this.#patienceMs;
    const isKept = () => this.#target.openFiles() > this.#filesBefore + FILES_MAX;
    while (isKept() && performance.now() < endMs) await wait(10);
    if (isKept()) throw new Error(`the server keeps connections that have been gone for ${this.#patienceMs} ms`);
  }
}

function callsOf({ ops }: Phase): number {
  return ops.reduce((calls, op) => calls + (op.op === 'call' ? op.count : 0), 0);
}

/** One that was told that it does too much is closed, whether or not it goes. */
async function expectGone(connection: raw.RawConnection, patienceMs: number): Promise<void> {
  if (connection.goaway !== raw.ENHANCE_YOUR_CALM) return;
  const endMs = performance.now() + patienceMs;
  while (connection.isOpen && performance.now() < endMs) await wait(10);
  if (connection.isOpen) throw new Error(`an offender that was told to go is still there after ${patienceMs} ms`);
}
