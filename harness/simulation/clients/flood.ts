import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { SimulatedChannel } from '../machine/channel.js';
import { type Network, Route } from '../machine/network.js';
import { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import type { Scheduler } from '../machine/scheduler.js';

/** Where a flood comes from. No host of a world has it. */
export const FLOOD_ADDRESS = '198.51.100.66';
/** How the UUID of every instance of a flood begins. */
const UUID_PREFIX = 'f100d000-0000-4000-8000-';
/** Connections that it comes over. */
const ROUTES = 3;
/** How long its sessions live: shorter than a world takes to come to rest. */
const TTL_S = 60n;
const PACE_MS = 2_000;
const AT_ONCE_MAX = 6;

/** Whether an instance is one of a flood. */
export function isOfFlood(uuid: string): boolean {
  return uuid.startsWith(UUID_PREFIX);
}

/** A client at one address that opens sessions of new instances as fast as it pleases, and does nothing with them. */
export class Flood {
  private readonly process: Process;
  private readonly channels: readonly SimulatedChannel[];
  private instances = 0;
  private isOver = false;

  constructor(
    scheduler: Scheduler,
    network: Network,
    private readonly random: SeededRandom,
  ) {
    this.process = new Process(scheduler);
    this.channels = Array.from({ length: ROUTES }, (_, at) => {
      const route = new Route(FLOOD_ADDRESS, network, random.fork(at), 1_000 * at);
      return new SimulatedChannel(route, this.process, () => {});
    });
  }

  begin(): void {
    if (this.isOver) return;
    for (let left = this.random.between(1, AT_ONCE_MAX); left > 0; left--) this.open();
    this.process.clock.after(PACE_MS, () => this.begin());
  }

  /** It opens no more; what it has runs out. */
  end(): void {
    this.isOver = true;
  }

  private open(): void {
    const number = String(this.instances++).padStart(12, '0');
    const request = {
      instanceUuid: `${UUID_PREFIX}${number}`,
      // A type that no host has: every type has SIDs of its own, and those are not what is taken from anybody here.
      instanceType: 5,
      instanceFlavor: 0,
      ttl: { seconds: TTL_S, nanos: 0 },
      name: '',
      labels: {},
    };
    const call = { metadata: {}, timeoutMs: 10_000, signal: new AbortController().signal };
    this.random
      .pick(this.channels)
      .unary(SessionServiceService.session, request, call)
      .catch(() => {});
  }
}
