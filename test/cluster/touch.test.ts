import { describe, expect, it } from '@jest/globals';
import { Links } from '../../harness/simulation/cluster/links.js';
import { ClusterServer } from '../../harness/simulation/cluster/server.js';
import { SimulatedEtcd, type Way } from '../../harness/simulation/machine/etcd.js';
import { clockOf } from '../../harness/simulation/machine/etcd-disk.js';
import { Process } from '../../harness/simulation/machine/process.js';
import { SeededRandom } from '../../harness/simulation/machine/random.js';
import { Scheduler } from '../../harness/simulation/machine/scheduler.js';
import { LAG_MS_MAX } from '../../src/cluster/limits.js';

/** Two servers on one simulated etcd; the way of each to it can be changed. */
class TwoServers {
  readonly scheduler = new Scheduler();
  readonly servers = new Map<string, ClusterServer>();
  readonly ways = new Map<string, Way>();
  readonly failed: unknown[] = [];
  readonly #random = new SeededRandom(3);
  readonly #etcd = new SimulatedEtcd(clockOf(this.scheduler));
  readonly #links = new Links(this.scheduler, this.#random.fork(1));

  begin(name: string): void {
    const process = new Process(this.scheduler);
    const next = () => this.ways.get(name) ?? ({ kind: 'passes' } as const);
    void ClusterServer.start(
      {
        ...{ name, process, random: this.#random.fork(name.charCodeAt(0)), tamper: {} },
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
    );
  }

  pass(ms: number): Promise<void> {
    return this.scheduler.run(this.scheduler.nowMs + ms, () => false);
  }
}

describe('a follower that reaches the leader and not etcd', () => {
  it('lets its sessions go once it cannot tell what has happened to them, and is in touch again with etcd', async () => {
    const world = new TwoServers();
    world.begin('a');
    await world.pass(3_000);
    world.begin('b');
    await world.pass(3_000);
    const b = world.servers.get('b')!;
    expect([b.member.role, b.isInTouch]).toEqual(['following', true]);
    world.ways.set('b', { kind: 'lost' });
    await world.pass(LAG_MS_MAX + 1_000);
    expect(b.isInTouch).toBe(false);
    world.ways.delete('b');
    await world.pass(3_000);
    expect(b.isInTouch).toBe(true);
    expect(world.failed).toEqual([]);
  });
});
