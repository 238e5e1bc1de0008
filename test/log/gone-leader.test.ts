import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemRandom } from '../../src/client/system.js';
import type { LeaderProbe } from '../../src/log/etcd/gone-leader.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { takeLead } from '../../src/log/etcd/lead.js';
import type { EtcdStore } from '../../src/log/etcd/store.js';

const TTL_MS = 6_000;
const ADDRESS = '10.0.0.1:8779';
const GONE: LeaderProbe = { hasLost: () => true, isRefused: async () => true };

describe('a leader that is taken for gone', () => {
  let clock: ManualClock;
  let etcd: SimulatedEtcd;
  const logged: unknown[][] = [];
  beforeEach(() => {
    clock = new ManualClock();
    etcd = new SimulatedEtcd(clock);
    logged.length = 0;
  });

  function take(name: string, probe?: LeaderProbe, store: EtcdStore = etcd.connect()) {
    const log = {
      info: (...entry: unknown[]) => void logged.push(['info', ...entry]),
      warn: (...entry: unknown[]) => void logged.push(['warn', ...entry]),
    };
    const deps = { store, clock, random: systemRandom, log, network: 'yard', name, peerAddress: ADDRESS, probe };
    return takeLead({ ...deps, leaderTtlMs: TTL_MS }, new LogKeys('yard'));
  }

  /** A leader that renews nothing. */
  const takeAndDie = () => take('a', undefined, { ...etcd.connect(), keepAlive: () => new Promise(() => {}) });

  it('is said to operators with its address, as a warning, once a third of its TTL has passed', async () => {
    await takeAndDie();
    const taken = take('b', GONE);
    await clock.pass(TTL_MS / 3 - 100);
    expect(logged.filter(([level]) => level === 'warn')).toEqual([]);
    await clock.pass(400);
    const message = `the leader is refused at ${ADDRESS}, and has not renewed its lease: it is taken for dead, and its term ends`;
    expect(logged.at(-1)).toEqual(['warn', { network: 'yard', leader: 'a', address: ADDRESS }, message]);
    const { lease } = await taken;
    lease.end();
  });

  it('is no warning where this process has its name', async () => {
    await takeAndDie();
    const taken = take('a', GONE);
    await clock.pass(300);
    expect(logged.at(-1)).toEqual([
      'info',
      { network: 'yard', leader: 'a' },
      'the process that led under this name is gone: its lease is not waited for',
    ]);
    const { lease } = await taken;
    lease.end();
  });

  it.each<[string, LeaderProbe]>([
    ['it was never reached in its term', { ...GONE, hasLost: () => false }],
    ['its machine does not refuse', { ...GONE, isRefused: async () => false }],
    ['that cannot be found out', { ...GONE, isRefused: () => Promise.reject(new Error('no sockets left')) }],
  ])('has its whole TTL where %s', async (_why, probe) => {
    await takeAndDie();
    let hasTaken = false;
    const taken = take('b', probe).then((lead) => {
      hasTaken = true;
      return lead;
    });
    await clock.pass(TTL_MS - 100);
    expect(hasTaken).toBe(false);
    await clock.pass(400);
    const { lease } = await taken;
    lease.end();
  });
});
