import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemRandom } from '../../src/client/system.js';
import { OWN_NUMBERS } from '../../src/journal/own-numbers.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { takeLead } from '../../src/log/etcd/lead.js';
import { NAME_TTL_MS } from '../../src/log/etcd/limits.js';
import { ServerName } from '../../src/log/etcd/server-name.js';
import { type EtcdStore, StoreError } from '../../src/log/etcd/store.js';

const TTL_MS = 6_000;
const ADDRESS = '10.0.0.1:8779';
const KEYS = new LogKeys('yard');

describe('a leader whose term a process ends that has its name', () => {
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

  function take(
    name: string,
    claimedAt?: () => bigint | undefined,
    store: EtcdStore = etcd.connect(),
    signal?: AbortSignal,
  ) {
    const log = {
      info: (...entry: unknown[]) => void logged.push(['info', ...entry]),
      warn: (...entry: unknown[]) => void logged.push(['warn', ...entry]),
    };
    const deps = { store, clock, random: systemRandom, log, network: 'yard', name, peerAddress: ADDRESS, claimedAt };
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

  const claimOf = (name: ServerName) => () => name.claimedAt;

  it('is one that led before this process claimed the name: its lease is not waited for', async () => {
    await takeAndDie();
    const name = await claim('a', ADDRESS);
    const taking = take('a', claimOf(name));
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
    const { lease } = await take('a', claimOf(replacement));
    isCut = false;
    const stop = new AbortController();
    const taking = take('a', claimOf(old), store, stop.signal);
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
    const taking = take('a', claimOf(name), etcd.connect(), stop.signal);
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
    const taking = take('a', claimOf(name), etcd.connect(), stop.signal);
    taking.catch(() => {});
    await clock.pass(2 * TTL_MS);
    expect(lease.lost.aborted).toBe(false);
    stop.abort(new Error('stopped'));
    await expect(taking).rejects.toThrow('stopped');
    lease.end();
    await name.close();
  });

  it('is none of another name, whoever may be dead: its lease is waited for', async () => {
    await takeAndDie();
    const name = await claim('b', ADDRESS);
    let hasTaken = false;
    const taking = take('b', claimOf(name)).finally(() => (hasTaken = true));
    await clock.pass(TTL_MS - 100);
    expect(hasTaken).toBe(false);
    await clock.pass(400);
    (await taking).lease.end();
    await name.close();
  });

  it('loses its key also where etcd refuses to end its lease', async () => {
    await takeAndDie();
    const name = await claim('a', ADDRESS);
    const refused = new StoreError('refused', 'etcd: permission denied');
    const taking = take('a', claimOf(name), { ...etcd.connect(), revoke: () => Promise.reject(refused) });
    await clock.pass(300);
    (await taking).lease.end();
    await name.close();
  });
});
