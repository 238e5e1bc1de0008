import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemRandom } from '../../src/client/system.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { QUOTA_LOOK_MS } from '../../src/log/etcd/limits.js';
import { EtcdLog } from '../../src/log/etcd/log.js';
import { Quota } from '../../src/log/etcd/quota.js';
import { type EtcdStore, StoreError } from '../../src/log/etcd/store.js';
import { silentLog } from './silent-log.js';

const QUOTA_BYTES = 1_000_000;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the quota of an etcd', () => {
  function quota() {
    const told: string[] = [];
    const tell = (...said: readonly unknown[]) => void told.push(String(said.at(-1)));
    const made = new Quota(QUOTA_BYTES, { warn: tell, info: tell } as never);
    const use = (bytesInUse: number, quotaBytes?: number, bytes = bytesInUse, isAlarmed = false) => {
      made.measure({ version: '3.4.23', bytes, bytesInUse, quotaBytes, isAlarmed });
      return made.room;
    };
    return { made, told, use };
  }

  it('is enough below 75 %, low from there, and scarce from 90 % on, by what is in use and not by free pages', () => {
    const { made, use } = quota();
    expect([0, 749_999, 750_000, 899_999, 900_000, 2_000_000].map((bytes) => use(bytes))).toEqual([
      ...['enough', 'enough', 'low', 'low', 'scarce', 'scarce'],
    ]);
    use(500_000);
    expect(made.ratio).toBe(0.5);
  });

  it('is told of once when a threshold is crossed: 60, 75, 90 %, and when there is room again', () => {
    const { told, use } = quota();
    for (const bytes of [599_999, 600_000, 700_000, 800_000, 950_000, 960_000, 10, 20]) use(bytes);
    expect(told).toEqual([
      expect.stringContaining('more than 60 %'),
      expect.stringContaining('more than 75 %'),
      expect.stringContaining('nearly full'),
      'etcd has room again',
    ]);
  });

  it('is scarce from 75 % on when the file has 95 % of it, because etcd refuses by the size of its file', () => {
    const { use, told } = quota();
    expect(use(750_000, undefined, 949_999)).toBe('low');
    expect(use(880_000, undefined, 950_000)).toBe('scarce');
    expect(told.at(-1)).toContain('defragment it (etcdctl defrag); no session is opened while more than 75 %');
  });

  it('is enough when the file alone is large, and the operator is told to defragment it', () => {
    const { use, told } = quota();
    expect(use(500_000, undefined, 990_000)).toBe('enough');
    expect(told).toEqual([expect.stringContaining("etcd's file has more than 95 % of its quota: defragment it")]);
  });

  it('is scarce while etcd has raised its alarm, however little is in use', () => {
    const { use, told } = quota();
    expect(use(10, undefined, 10, true)).toBe('scarce');
    expect(use(10)).toBe('enough');
    expect(told).toEqual([expect.stringContaining('etcdctl alarm disarm'), 'etcd has room again']);
  });

  it('is enough where etcd does not say its size any more, which is logged once, and counts again when it does', () => {
    const { made, use, told } = quota();
    expect(use(950_000)).toBe('scarce');
    for (const _ of [1, 2]) made.measure(undefined);
    expect([made.room, made.ratio]).toEqual(['enough', 0]);
    expect(use(950_000)).toBe('scarce');
    const nearlyFull = expect.stringContaining('nearly full');
    expect(told).toEqual([nearlyFull, expect.stringContaining('its size is unknown'), nearlyFull]);
  });

  it('is said to have room again when it was nearly full before etcd did not say its size', () => {
    const { made, use, told } = quota();
    use(950_000);
    for (const _ of [1, 2]) made.measure(undefined);
    use(10);
    made.measure(undefined);
    use(20);
    expect(told.slice(2)).toEqual([
      'etcd says its size again, and has room again',
      expect.stringContaining('its size is unknown'),
      'etcd says its size again',
    ]);
  });

  it('is said to be known again, not to have room again, when etcd says its size and there is room', () => {
    const { made, use, told } = quota();
    made.measure(undefined);
    use(10);
    use(700_000);
    use(10);
    expect(told).toEqual([
      expect.stringContaining('its size is unknown'),
      'etcd says its size again',
      expect.stringContaining('more than 60 %'),
      'etcd has room again',
    ]);
  });

  it("is etcd's own where it says so", () => {
    const { use } = quota();
    expect(use(900_000, 10_000_000)).toBe('enough');
  });

  /** A leader of a log in an etcd that does not say its quota. */
  async function lead() {
    const clock = new ManualClock();
    const etcd = new SimulatedEtcd(clock);
    const compacted: bigint[] = [];
    const connected = etcd.connect();
    const store: EtcdStore = {
      ...connected,
      compact: async (revision) => void compacted.push(revision),
      status: async () => {
        const status = await connected.status();
        return status && { ...status, quotaBytes: undefined };
      },
    };
    const log = new EtcdLog({
      ...{ store, clock, random: systemRandom, log: silentLog, network: 'yard', name: 's1' },
      ...{ leaderTtlMs: 60_000, compactsHistory: true, quotaBytes: QUOTA_BYTES },
    });
    const { journal, figures } = await log.lead();
    const look = async () => {
      clock.advance(QUOTA_LOOK_MS);
      for (let turns = 0; turns < 10; turns++) await turn();
    };
    const fill = (bytes: number) =>
      connected.commit({
        compare: [],
        success: [{ kind: 'put', key: `${new LogKeys('other').head}`, value: new Uint8Array(bytes) }],
      });
    return { connected, store, compacted, journal, figures, look, fill };
  }

  it('is looked at every 10 s by the leader, which lets etcd forget its history at once when room is low', async () => {
    const { journal, figures, compacted, look, fill } = await lead();
    await look();
    expect([journal.room, compacted]).toEqual(['enough', []]);
    await fill(800_000);
    await look();
    expect([journal.room, compacted.length]).toEqual(['low', 1]);
    await fill(950_000);
    await look();
    expect([journal.room, compacted.length]).toEqual(['scarce', 2]);
    await fill(1);
    await look();
    expect([journal.room, compacted.length]).toEqual(['enough', 2]);
    expect(figures.quotaRatio).toBeLessThan(0.01);
  });

  it('is looked at also while etcd does not say what the live servers know', async () => {
    const { journal, compacted, look, fill, store, connected } = await lead();
    const { names } = new LogKeys('yard');
    store.commit = (transaction) => {
      const asksForNames = transaction.success.some((one) => one.kind === 'read' && one.range.key === names.key);
      return asksForNames ? Promise.reject(new StoreError('unclear', 'no answer')) : connected.commit(transaction);
    };
    await fill(800_000);
    await look();
    expect([journal.room, compacted.length]).toEqual(['low', 1]);
  });
});
