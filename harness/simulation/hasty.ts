import { SessionServiceService } from '../../gen/switchyard/v1/session_service.js';
import { SimulatedChannel } from './channel.js';
import { type Network, Route } from './network.js';
import { Process } from './process.js';
import type { SeededRandom } from './random.js';
import type { Scheduler } from './scheduler.js';

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

/** Whether an instance is one of a hasty caller. */
export function isHasty(uuid: string): boolean {
  return uuid.startsWith(UUID_PREFIX);
}

/** Callers of Session that have no patience: their deadlines pass, or they cancel, before or after the session was made. */
export class HastyCallers {
  readonly #process: Process;
  readonly #channel: SimulatedChannel;
  readonly #random: SeededRandom;
  #count = 0;
  #isOver = false;

  constructor(scheduler: Scheduler, network: Network, random: SeededRandom) {
    this.#process = new Process(scheduler);
    this.#random = random;
    const route = new Route(HASTY_ADDRESS, network, random.fork(1));
    this.#channel = new SimulatedChannel(route, this.#process, () => {});
  }

  begin(): void {
    if (this.#isOver) return;
    this.#call();
    this.#process.clock.after(PACE_MS, () => this.begin());
  }

  /** They call no more. */
  end(): void {
    this.#isOver = true;
  }

  #call(): void {
    const number = String(this.#count++).padStart(12, '0');
    const request = {
      instanceUuid: `${UUID_PREFIX}${number}`,
      // A type that no host has, with SIDs of its own.
      instanceType: 6,
      instanceFlavor: 0,
      ttl: { seconds: TTL_S, nanos: 0 },
      name: '',
      labels: {},
    };
    const patienceMs = this.#random.fraction() * PATIENCE_MS;
    const giveUp = new AbortController();
    const isCancelled = this.#random.chance(1 / 2);
    if (isCancelled) this.#process.clock.after(patienceMs, () => giveUp.abort(new Error('no patience')));
    const timeoutMs = isCancelled ? GOODBYE_MS : patienceMs;
    this.#channel
      .unary(SessionServiceService.session, request, { metadata: {}, timeoutMs, signal: giveUp.signal })
      .then(({ sessionToken }) => {
        const metadata = { 'switchyard-session': sessionToken };
        const call = { metadata, timeoutMs: GOODBYE_MS, signal: new AbortController().signal };
        return this.#channel.unary(SessionServiceService.terminateSession, { cvid: 0, reason: '' }, call);
      })
      .catch(() => {});
  }
}
