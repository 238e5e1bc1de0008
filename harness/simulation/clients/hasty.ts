import { DirectConnectionRequest, NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { CreateStreamRequest, StreamServiceService } from '../../../gen/switchyard/v1/stream_service.js';
import type { Call } from '../../../src/client/channel/channel.js';
import { SimulatedChannel } from '../machine/channel.js';
import { type Network, Route } from '../machine/network.js';
import { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import type { Scheduler } from '../machine/scheduler.js';

/** Where hasty callers are. No host of a world has the address. */
export const HASTY_ADDRESS = '198.51.100.77';
/** How the UUID of each of their instances begins; every call has another. */
const UUID_PREFIX = '4a57e000-0000-4000-8000-';
/** Shorter than a world takes to come to rest: one that was answered and forgotten by its caller goes by itself. */
const TTL_S = 60n;
const PACE_MS = 700;
/** The longest that one of them waits: longer than a good answer takes, and shorter than a slow disk. */
const PATIENCE_MS = 40;
const GOODBYE_MS = 10_000;

/** How the name of each of their streams begins; every call has another. */
const STREAM_PREFIX = 'hasty ';
/** One of so many sessions that are answered stays for a while, and makes streams and connections as hastily. */
const STAYS_ONE_OF = 8;
const STAYS_CALLS = 24;

/** Whether an instance is one of a hasty caller. */
export function isHasty(uuid: string): boolean {
  return uuid.startsWith(UUID_PREFIX);
}

/** Whether a stream is one of a hasty caller, by its name. */
export function isHastyStream(name: string): boolean {
  return name.startsWith(STREAM_PREFIX);
}

/** What hasty callers call from and to. */
export interface HastyDeps {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: SeededRandom;
  /** Sessions of others, to ask for connections with and to send streams to. */
  readonly peers: () => readonly number[];
}

/**
 * Callers that have no patience: their deadlines pass, or they cancel, before or after the session, the stream or the
 * connection was made.
 */
export class HastyCallers {
  readonly #deps: HastyDeps;
  readonly #process: Process;
  readonly #channel: SimulatedChannel;
  #count = 0;
  #isOver = false;

  constructor(deps: HastyDeps) {
    this.#deps = deps;
    this.#process = new Process(deps.scheduler);
    const route = new Route(HASTY_ADDRESS, deps.network, deps.random.fork(1));
    this.#channel = new SimulatedChannel(route, this.#process, () => {});
  }

  begin(): void {
    if (this.#isOver) return;
    this.#openSession().catch(() => {});
    this.#process.clock.after(PACE_MS, () => this.begin());
  }

  /** They call no more. */
  end(): void {
    this.#isOver = true;
  }

  async #openSession(): Promise<void> {
    const number = this.#count++;
    const request = {
      instanceUuid: `${UUID_PREFIX}${String(number).padStart(12, '0')}`,
      // A type that no host has, with SIDs of its own.
      instanceType: 6,
      instanceFlavor: 0,
      ttl: { seconds: TTL_S, nanos: 0 },
      name: '',
      labels: {},
    };
    const { sessionToken } = await this.#channel.unary(SessionServiceService.session, request, this.#hastily({}));
    const metadata = { 'switchyard-session': sessionToken };
    if (number % STAYS_ONE_OF === 0) await this.#stay(metadata);
    const call = { metadata, timeoutMs: GOODBYE_MS, signal: new AbortController().signal };
    await this.#channel.unary(SessionServiceService.terminateSession, { cvid: 0, reason: '' }, call);
  }

  /** Makes streams and connections, most of which it does not wait for. */
  async #stay(metadata: Call['metadata']): Promise<void> {
    const { peers, random } = this.#deps;
    for (let left = STAYS_CALLS; left > 0 && !this.#isOver; left--) {
      await this.#process.wait(PACE_MS);
      const sids = peers();
      if (sids.length === 0) continue;
      const cvid = random.pick(sids);
      const call = this.#hastily(metadata);
      const name = `${STREAM_PREFIX}${this.#count++}`;
      const calling = random.chance(1 / 2)
        ? this.#channel.unary(StreamServiceService.createStream, streamOf(name, cvid), call)
        : this.#channel.unary(NetworkServiceService.directConnection, connectionOf(name, cvid), call);
      calling.catch(() => {});
    }
  }

  /** A call that is given up soon: by its deadline, or by who makes it. */
  #hastily(metadata: Call['metadata']): Call {
    const { random } = this.#deps;
    const patienceMs = random.fraction() * PATIENCE_MS;
    const giveUp = new AbortController();
    const isCancelled = random.chance(1 / 2);
    if (isCancelled) this.#process.clock.after(patienceMs, () => giveUp.abort(new Error('no patience')));
    return { metadata, timeoutMs: isCancelled ? GOODBYE_MS : patienceMs, signal: giveUp.signal };
  }
}

function streamOf(name: string, cvid: number): CreateStreamRequest {
  return CreateStreamRequest.fromPartial({ params: { name }, sinkCvids: [cvid] });
}

function connectionOf(requestId: string, cvid: number): DirectConnectionRequest {
  return DirectConnectionRequest.fromPartial({ cvid, type: 1, port: 7_000, requestId });
}
