import { pino } from 'pino';
import { AddressSet } from '../../../src/admission/address-set.js';
import { Admission } from '../../../src/admission/admission.js';
import type { Clock } from '../../../src/base/clock.js';
import { readConfig } from '../../../src/config/config.js';
import type { Config } from '../../../src/config/options.js';
import { systemLimits } from '../../../src/config/part-limits.js';
import type { Fault } from '../../../src/core/model/fault.js';
import type { NetworkRef } from '../../../src/core/model/network.js';
import { RULES_MAX } from '../../../src/core/model/rules.js';
import type { Backing } from '../../../src/grpc/backing.js';
import { GrpcDoor } from '../../../src/grpc/door.js';
import type { LocalCalls } from '../../../src/grpc/local-calls.js';
import { NEW_FOLDER_FORMAT } from '../../../src/journal/format/frame.js';
import type { Journal } from '../../../src/journal/journal.js';
import { type MemoryDisk, MemoryJournal } from '../../../src/journal/storage/memory.js';
import { ObservedAddresses } from '../../../src/rendezvous/observed.js';
import { Rendezvous } from '../../../src/rendezvous/rendezvous.js';
import { type DoorsShared, grpcBacking, systemBacking } from '../../../src/server/backings.js';
import { type Engine, startEngine } from '../../../src/server/engine.js';
import { EventReports } from '../../../src/server/metrics/event-reports.js';
import { Networks } from '../../../src/server/networks.js';
import { makeSharedParts, type SharedParts } from '../../../src/server/shared-parts.js';
import { SystemDoor } from '../../../src/system/door.js';
import { Transports } from '../../../src/transport/transports.js';
import { verifyAtOnce } from '../../../src/trust/server/signatures.js';
import type { SeededRandom } from '../machine/random.js';

/** What `admin` calls show. */
export const ADMIN_TOKEN = 'simulated-administrator';
const MESSAGE_BYTES_MAX = 4_194_304;
const PORT = 8_768;
const NO_SERVERS = { servers: [], format: NEW_FOLDER_FORMAT, rules: RULES_MAX };

/** What a mutation does to the server. */
export interface NetworksTampering {
  /** What the services of a network stand on; `main` is what those of the default network do. */
  backing?(backing: Backing, main: Backing): Backing;
  /** What the engines of all networks have in common. */
  shared?(parts: SharedParts): void;
  /** The metadata of each call. */
  metadata?(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
}

/** What a simulated server with several networks needs of its world. */
export interface NetworksServerDeps {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** What a network draws from, by its number. Absent: all draw from `random`. */
  readonly randomOf?: ((network: number) => SeededRandom) | undefined;
  readonly disk: MemoryDisk;
  readonly tamper: NetworksTampering;
  /** Further options, as on the command line. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
  /** Told when an invariant is broken. */
  readonly fatal: (error: unknown) => void;
}

/**
 * A server process with several networks, put together of the same parts as the real one: an engine each, one router, one gRPC
 * door, which is called from inside the process. It has no ports.
 */
export class NetworksServer {
  readonly local: LocalCalls;
  readonly #networks: Networks;

  private constructor(door: GrpcDoor, networks: Networks) {
    this.local = door.local;
    this.#networks = networks;
  }

  /** How many networks run. */
  get count(): number {
    return this.#networks.list().length;
  }

  /** Recovers every network of the disk, and lets callers in. */
  static async start(deps: NetworksServerDeps): Promise<NetworksServer> {
    const { clock, random, disk, tamper, flags, fatal, randomOf = () => random } = deps;
    const config = configOfSimulation(flags);
    const log = pino({ level: 'silent' });
    const none = { exempt: AddressSet.NONE, proxies: AddressSet.NONE };
    const admission = new Admission({ clock, log, random, ...none });
    const events = new EventReports({ clock, log });
    const isExempt = () => false;
    const leaves = () => [];
    const shared = makeSharedParts({
      ...{ config, clock, random, log, leaves, isExempt },
      metrics: undefined,
      verify: verifyAtOnce,
    });
    tamper.shared?.(shared);
    const journal = new MemoryJournal(disk);
    const start = (network: NetworkRef | undefined, storage: { journal: Journal }, ownConfig: Config) =>
      startEngine({
        ...{ network, shared, clock, log, storage, events, isExempt, fatal },
        random: randomOf(network?.number ?? 0),
        config: ownConfig,
        metrics: undefined,
        fetchJson: async () => undefined,
        writable: () => {},
      });
    const main = await start(undefined, { journal }, config);
    const networks = new Networks({
      ...{ config, clock, log },
      dropped: async () => {},
      journals: journal.networks,
      start: ({ number, name }, own, ownConfig) => start({ number, name }, { journal: own }, ownConfig),
    });
    await networks.start(main);
    const doorsShared = sharedByDoors({ config, clock, random, log, events, networks, admission });
    const sharedWith = ({ network: { number } }: Engine): DoorsShared => {
      return { ...doorsShared, parts: { ...doorsShared.parts, random: randomOf(number) } };
    };
    const gate = admission.gate({
      door: 'system',
      places: { connectionsMax: 1, connectionsPerAddressMax: 1, connectionsKept: 1 },
    });
    const system = new SystemDoor(systemBacking(main, sharedWith(main), gate));
    const backing = grpcBacking(main, sharedWith(main), system.accept);
    const tampered = (own: Backing) => tamper.backing?.(own, backing) ?? own;
    const door = new GrpcDoor(backing, admission, MESSAGE_BYTES_MAX);
    networks.open({
      addNetwork: (engine: Engine) => {
        engine.publishToDoor(system.addNetwork(systemBacking(engine, sharedWith(engine), gate)));
        door.addNetwork(tampered(grpcBacking(engine, sharedWith(engine), system.acceptFor(engine.network))));
      },
      removeNetwork: (engine: Engine, why: Fault) => {
        door.removeNetwork(engine.network, why);
        engine.drain(why);
        system.removeNetwork(engine.network, why);
      },
    });
    main.replica.opened();
    networks.opened();
    return new NetworksServer(door, networks);
  }
}

function configOfSimulation(more: NetworksServerDeps['flags']): Config {
  const flags = { data: ':memory:', 'admin-token': ADMIN_TOKEN, ...more };
  return readConfig({ flags, env: {}, platform: 'linux', home: '/nowhere', readFile: () => '' });
}

type Outside = Pick<DoorsShared['parts'], 'config' | 'clock' | 'random' | 'log' | 'events' | 'networks' | 'admission'>;

/** What the doors of all networks share, where there are no ports, certificates and other servers. */
function sharedByDoors(parts: Outside): DoorsShared {
  const { config, clock, admission } = parts;
  const limits = systemLimits(config);
  const standing = () => ({
    isLeader: true,
    term: 1n,
    journalBytes: 0,
    snapshotAtMs: undefined,
    lagMs: 0,
    isReady: true,
  });
  const servers = { name: 'simulated', list: async () => NO_SERVERS };
  const absent = {
    metrics: undefined,
    audit: undefined,
    tracer: undefined,
    certificates: undefined,
    assets: undefined,
  };
  return {
    parts: { ...parts, ...absent, standing, servers },
    transports: new Transports(),
    limits,
    meeting: {
      observed: new ObservedAddresses(clock),
      rendezvous: new Rendezvous({ clock, fence: admission.fence, saw: () => {} }),
      address: { host: '127.0.0.1', port: PORT },
      close: () => {},
    },
    adminToken: ADMIN_TOKEN,
    packetBytesMax: limits.packetBytesMax,
    unknownEpoch: (network) => network,
    reachedAt: () => [],
    facts: () => ({
      ...{ version: '0', commit: '', startedMs: 0, capabilities: [], addresses: () => ({}), limits: () => [] },
      ...{ standing, name: servers.name, servers: servers.list },
    }),
  };
}
