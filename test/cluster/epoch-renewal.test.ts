import { expect, it } from '@jest/globals';
import { Links } from '../../harness/simulation/cluster/links.js';
import { ClusterServer } from '../../harness/simulation/cluster/server.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { clockOf } from '../../harness/simulation/machine/etcd-disk.js';
import { Process } from '../../harness/simulation/machine/process.js';
import { SeededRandom } from '../../harness/simulation/machine/random.js';
import { Scheduler } from '../../harness/simulation/machine/scheduler.js';
import type { Remembered } from '../../src/cluster/log-memory.js';

it('renews the epoch of a restored log once, also at a server that begins to lead while it waits for a leader', async () => {
  const scheduler = new Scheduler();
  const etcd = new SimulatedEtcd(clockOf(scheduler));
  const random = new SeededRandom(1);
  const links = new Links(scheduler, random.fork(1));
  const failed: unknown[] = [];
  let memory: Remembered | undefined;
  let server: ClusterServer | undefined;

  const begin = (life: number) => {
    server = undefined;
    const process = new Process(scheduler);
    const deps = {
      ...{ name: 'a', process, random: random.fork(10 + life), tamper: {}, applied: () => {} },
      store: etcd.connect({ next: () => ({ kind: 'passes' }), delayMs: () => 1 }),
      dial: links.dialFrom(
        () => server!,
        () => server,
      ),
      memory: { read: async () => memory, write: async (remembered: Remembered) => void (memory = remembered) },
      fatal: (error: unknown) => void failed.push(error),
    };
    ClusterServer.start(deps, (made) => {
      server = made;
    }).catch((error: unknown) => void failed.push(error));
  };
  const pass = (ms: number) => scheduler.run(scheduler.nowMs + ms, () => false);

  begin(1);
  await pass(5_000);
  const backup = etcd.backup();
  const before = server!.state.epoch;
  void server!.replica.submit({ kind: 'SetLimits', limits: { ...server!.state.limits, sessionsMax: 5 } });
  await pass(2_000);
  server!.process.kill();
  etcd.restore(backup);

  begin(2);
  await pass(10_000);
  expect(failed).toEqual([]);
  expect([server?.isUp, server?.member.role]).toEqual([true, 'leading']);
  const { epoch, revision } = server!.state;
  expect(epoch).not.toBe(before);
  server!.process.kill();
  await pass(5_000);
  begin(3);
  await pass(10_000);
  expect([failed, server?.isUp, server?.state.epoch, server?.state.revision]).toEqual([[], true, epoch, revision]);
});
