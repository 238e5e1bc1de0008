import type { Instance } from '../../../src/client/instance/instance.js';
import { Switchyard } from '../../../src/client/switchyard.js';
import type { SigningKey } from '../../../src/trust/signing-key.js';
import type { Member } from '../clients/fleet.js';
import type { Reader } from '../clients/readers.js';
import { type Answered, SimulatedChannel } from './channel.js';
import type { Route } from './network.js';
import { Process } from './process.js';
import type { SeededRandom } from './random.js';
import type { Scheduler } from './scheduler.js';
import { ADMIN_TOKEN } from './server.js';

/** What a host is, and what it is part of. */
export interface HostOptions {
  readonly name: string;
  /** Which instance it runs; undefined for a host that only watches. */
  readonly uuid: string | undefined;
  /** By which that instance proves itself; undefined for one that has none. */
  readonly key?: SigningKey | undefined;
  readonly isAdmin: boolean;
  readonly scheduler: Scheduler;
  readonly route: Route;
  readonly random: SeededRandom;
  readonly answered: Answered;
}

/** A client machine with one process: the real client, with an instance or some watches or both. */
export class Host implements Member {
  process!: Process;
  client!: Switchyard;
  instance: Instance | undefined;
  /** Streams that its instance has created in this life, by id. */
  readonly streams: number[] = [];
  readonly readers = new Set<Reader>();

  constructor(readonly options: HostOptions) {
    this.boot();
  }

  get name(): string {
    return this.options.name;
  }

  get uuid(): string | undefined {
    return this.options.uuid;
  }

  get key(): SigningKey | undefined {
    return this.options.key;
  }

  get random(): SeededRandom {
    return this.options.random;
  }

  get route(): Route {
    return this.options.route;
  }

  /** The instance's present session, if it has one. */
  get sid(): number | undefined {
    return this.instance?.session?.cvid;
  }

  /** Begins anew, in a process that knows nothing of the one before. */
  boot(): void {
    const { scheduler, route, random, answered, isAdmin } = this.options;
    this.process = new Process(scheduler);
    const channel = new SimulatedChannel(route, this.process, answered);
    const adminToken = isAdmin ? ADMIN_TOKEN : undefined;
    this.client = new Switchyard({ channel, clock: this.process.clock, random, adminToken });
    this.instance = undefined;
    this.readers.clear();
    this.streams.length = 0;
  }

  wait(ms: number): Promise<void> {
    return this.process.wait(ms);
  }

  /** Its process dies, with the machine or without. */
  die(loudly: boolean): void {
    this.process.kill();
    this.route.died(loudly);
    this.instance = undefined;
    this.readers.clear();
  }
}
