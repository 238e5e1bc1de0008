import { Links } from '../../harness/simulation/cluster/links.js';
import { ClusterServer, NETWORK } from '../../harness/simulation/cluster/server.js';
import { SimulatedEtcd, type Way } from '../../harness/simulation/machine/etcd.js';
import { clockOf } from '../../harness/simulation/machine/etcd-disk.js';
import { Process } from '../../harness/simulation/machine/process.js';
import { SeededRandom } from '../../harness/simulation/machine/random.js';
import { Scheduler } from '../../harness/simulation/machine/scheduler.js';
import type { KnownNumbers } from '../../src/journal/readers.js';
import { encodeLeader } from '../../src/log/etcd/batch.js';
import { LogKeys } from '../../src/log/etcd/keys.js';

/** Apart by more than the codes of names. */
const LIVES = 256;
const INCARNATION_BYTES = 8;
/** Longer than a test. */
const LONG_MS = 600_000;

/** Two servers on one simulated etcd; the way of each to it can be changed. */
export class TwoServers {
  readonly scheduler = new Scheduler();
  readonly servers = new Map<string, ClusterServer>();
  /** What becomes of each server's requests, by its name; absent where they pass. */
  readonly ways = new Map<string, (request: string) => Way>();
  readonly failed: unknown[] = [];
  /** The process of each server, by its name. */
  readonly processes = new Map<string, Process>();
  /** Processes that were begun: each draws numbers of its own. */
  #lives = 0;
  readonly #random = new SeededRandom(3);
  readonly #etcd = new SimulatedEtcd(clockOf(this.scheduler));
  readonly #links = new Links(this.scheduler, this.#random.fork(1));

  /** `known`: what the server says that it knows; absent: nothing. */
  begin(name: string, known?: KnownNumbers): void {
    const process = new Process(this.scheduler);
    this.processes.set(name, process);
    const next = (request: string) => this.ways.get(name)?.(request) ?? ({ kind: 'passes' } as const);
    ClusterServer.start(
      {
        ...{ name, process, random: this.#random.fork(name.charCodeAt(0) + LIVES * this.#lives++), tamper: {} },
        known,
        store: this.#etcd.connect({ next, delayMs: () => 1 }),
        memory: { read: async () => undefined, write: async () => {} },
        dial: this.#links.dialFrom(
          () => this.servers.get(name)!,
          (address) => this.servers.get(address),
        ),
        applied: () => {},
        fatal: (error) => void this.failed.push(error),
      },
      (server) => this.servers.set(name, server),
    ).catch((error: unknown) => void this.failed.push(error));
  }

  /** Begins both: the first leads, the second follows. */
  async beginBoth(): Promise<readonly [ClusterServer, ClusterServer]> {
    for (const name of ['a', 'b']) {
      this.begin(name);
      await this.pass(3_000);
    }
    return [this.servers.get('a')!, this.servers.get('b')!];
  }

  /** Ends a process in its tracks. */
  kill(name: string): void {
    const process = this.processes.get(name)!;
    process.kill();
    this.#links.died(process);
  }

  /** Nothing passes between two from now on. */
  cut(one = 'a', other = 'b'): void {
    this.#links.cut(one, other);
  }

  /** Everything passes again between all. */
  heal(): void {
    this.#links.heal();
  }

  /** Whether messages between servers take up to two seconds from now on. */
  slow(isSlow: boolean): void {
    this.#links.isSlow = isSlow;
  }

  /** The machine of a server that lives refuses connections from now on. */
  refuse(name: string): void {
    this.#links.refuse(name);
  }

  /** Puts another server's key in the place of the leader's, as an operator's tool could. */
  async replaceLeader(name: string): Promise<void> {
    const store = this.#etcd.connect();
    const { leader: key } = new LogKeys(NETWORK);
    const value = encodeLeader(name, new Uint8Array(INCARNATION_BYTES), name);
    const { id } = await store.grant(LONG_MS);
    await store.commit({ compare: [], success: [{ kind: 'delete', range: { key } }] });
    await store.commit({ compare: [], success: [{ kind: 'put', key, value, lease: id }] });
  }

  pass(ms: number): Promise<void> {
    return this.scheduler.run(this.scheduler.nowMs + ms, () => false);
  }
}
