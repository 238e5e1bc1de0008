import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemRandom } from '../../src/client/system.js';
import { OWN_NUMBERS } from '../../src/journal/own-numbers.js';
import type { LeaderProbe } from '../../src/log/etcd/gone-leader.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { takeLead } from '../../src/log/etcd/lead.js';
import { NAME_TTL_MS } from '../../src/log/etcd/limits.js';
import { ServerName } from '../../src/log/etcd/server-name.js';
import { type EtcdStore, StoreError } from '../../src/log/etcd/store.js';

const TTL_MS = 6_000;
const ADDRESS = '10.0.0.1:8779';
const GONE: LeaderProbe = { hasLost: () => true, isRefused: async () => true, claimedAt: () => undefined };
const KEYS = new LogKeys('yard');

describe('a leader that is taken for gone', () => {
  let clock: ManualClock;
  let etcd: SimulatedEtcd;
  const logged: unknown[][] = [];
  const taken: string[] = [];
  beforeEach(() => {
    clock = new ManualClock();
    etcd = new SimulatedEtcd(clock);
    logged.length = 0;
    taken.length = 0;
  });

  function take(name: string, probe?: LeaderProbe, store: EtcdStore = etcd.connect(), signal?: AbortSignal) {
    const log = {
      info: (...entry: unknown[]) => void logged.push(['info', ...entry]),
      warn: (...entry: unknown[]) => void logged.push(['warn', ...entry]),
    };
    const deps = { store, clock, random: systemRandom, log, network: 'yard', name, peerAddress: ADDRESS, probe };
    return takeLead({ ...deps, leaderTtlMs: TTL_MS }, KEYS, signal);
  }

  /** A leader that renews nothing. */
  const takeAndDie = () => take('a', undefined, { ...etcd.connect(), keepAlive: () => new Promise(() => {}) });

  /** A process that has this name and reports in `taken` that another one has it. */
  function claim(name: string, peerAddress: string, store = etcd.connect()): Promise<ServerName> {
    return ServerName.claim({
      ...{ store, clock, random: systemRandom, keys: KEYS, network: 'yard', name, peerAddress, known: OWN_NUMBERS },
      ...{ isRefused: async () => false, warn: () => {}, taken: ({ message }) => void taken.push(message) },
    });
  }

  const probeOf = (name: ServerName): LeaderProbe => ({
    ...GONE,
    hasLost: () => false,
    claimedAt: () => name.claimedAt,
  });
  const warned = () => logged.filter(([level]) => level === 'warn');

  it('is reported to operators with its address, as a warning, once two thirds of its TTL have passed', async () => {
    await takeAndDie();
    const taking = take('b', GONE);
    await clock.pass((TTL_MS * 2) / 3 - 100);
    expect(warned()).toEqual([]);
    await clock.pass(400);
    const message = `the leader is refused at ${ADDRESS}, and has not renewed its lease: it is taken for dead, and its term ends`;
    expect(logged.at(-1)).toEqual(['warn', { network: 'yard', leader: 'a', address: ADDRESS }, message]);
    const { lease } = await taking;
    lease.end();
  });

  it('has ended its term itself by then, if it lives and etcd does not hear it', async () => {
    const { lease } = await takeAndDie();
    let lostMs = Number.POSITIVE_INFINITY;
    lease.lost.addEventListener('abort', () => (lostMs = clock.nowMs()));
    let takenMs = Number.POSITIVE_INFINITY;
    const taking = take('b', GONE).finally(() => (takenMs = clock.nowMs()));
    await clock.pass(TTL_MS);
    expect(takenMs).toBeLessThan(TTL_MS);
    expect(lostMs).toBeLessThanOrEqual(takenMs);
    (await taking).lease.end();
  });

  it('is no warning where this process has claimed its name since', async () => {
    await takeAndDie();
    const name = await claim('a', ADDRESS);
    const taking = take('a', probeOf(name));
    await clock.pass(300);
    expect(logged.at(-1)).toEqual([
      'info',
      { network: 'yard', leader: 'a' },
      'the process that led under this name is gone: its lease is not waited for',
    ]);
    const { lease } = await taking;
    lease.end();
    await name.close();
  });

  it('is none that leads under a name that this process lost while it was cut off from etcd', async () => {
    let isCut = false;
    const store = etcd.connect({ next: () => ({ kind: isCut ? 'lost' : 'passes' }), delayMs: () => 0 });
    const old = await claim('a', '10.0.0.2:8779', store);
    isCut = true;
    const claiming = claim('a', ADDRESS);
    await clock.pass(NAME_TTL_MS + 1_000);
    const replacement = await claiming;
    const { lease } = await take('a', probeOf(replacement));
    isCut = false;
    const stop = new AbortController();
    const taking = take('a', probeOf(old), store, stop.signal);
    taking.catch(() => {});
    await clock.pass(2 * NAME_TTL_MS);
    expect(lease.lost.aborted).toBe(false);
    expect(taken).toEqual([expect.stringContaining(`a server a at ${ADDRESS} serves network yard already`)]);
    stop.abort(new Error('stopped'));
    await expect(taking).rejects.toThrow('stopped');
    lease.end();
    await old.close();
    await replacement.close();
  });

  it('is none that began to lead after this process claimed the name', async () => {
    const name = await claim('a', '10.0.0.2:8779');
    const { lease } = await take('a');
    const stop = new AbortController();
    const taking = take('a', probeOf(name), etcd.connect(), stop.signal);
    taking.catch(() => {});
    await clock.pass(2 * TTL_MS);
    expect(lease.lost.aborted).toBe(false);
    stop.abort(new Error('stopped'));
    await expect(taking).rejects.toThrow('stopped');
    lease.end();
    await name.close();
  });

  it('is none that led before this process claimed the name, once that has lost it', async () => {
    const { lease } = await take('a');
    const name = await claim('a', '10.0.0.2:8779');
    const other = await etcd.connect().grant(60_000);
    const put = { kind: 'put', key: KEYS.name('a'), value: new Uint8Array(1), lease: other.id } as const;
    await etcd.connect().commit({ compare: [], success: [put] });
    const stop = new AbortController();
    const taking = take('a', probeOf(name), etcd.connect(), stop.signal);
    taking.catch(() => {});
    await clock.pass(2 * TTL_MS);
    expect(lease.lost.aborted).toBe(false);
    stop.abort(new Error('stopped'));
    await expect(taking).rejects.toThrow('stopped');
    lease.end();
    await name.close();
  });

  it('keeps its lease where this process is told to stop before it has ended it', async () => {
    const { lease } = await takeAndDie();
    const stop = new AbortController();
    const store = etcd.connect();
    let seen = 0;
    // The second look comes when the leader is taken for gone: before it is answered, this process stops.
    const commit: EtcdStore['commit'] = async (transaction) => {
      const committed = await store.commit(transaction);
      if (clock.nowMs() >= (TTL_MS * 2) / 3 && seen++ > 0) stop.abort(new Error('stopped'));
      return committed;
    };
    const taking = take('b', GONE, { ...store, commit }, stop.signal);
    taking.catch(() => {});
    await clock.pass((TTL_MS * 2) / 3 + 500);
    await expect(taking).rejects.toThrow('stopped');
    expect(await etcd.connect().timeToLive(lease.id)).toBeDefined();
  });

  it('is warned of once, and its lease waited for, where etcd refuses to end that', async () => {
    await takeAndDie();
    const refused = new StoreError('refused', 'etcd: permission denied');
    const taking = take('b', GONE, { ...etcd.connect(), revoke: () => Promise.reject(refused) });
    await clock.pass(TTL_MS - 100);
    const message = 'etcd refuses to end the lease of a leader that is gone: it is waited for';
    expect(warned()).toEqual([['warn', { err: refused, network: 'yard' }, message]]);
    await clock.pass(400);
    const { lease } = await taking;
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
