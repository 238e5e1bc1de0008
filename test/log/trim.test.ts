import { describe, expect, it } from '@jest/globals';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { EtcdRoster } from '../../src/log/etcd/roster.js';
import type { EtcdStore } from '../../src/log/etcd/store.js';
import { LogTrimmer, trimEnd } from '../../src/log/etcd/trim.js';

const keys = new LogKeys('trimmed');

describe('trimming the log', () => {
  it('goes to the first batch that counts where every live server has applied it', () => {
    expect(trimEnd({ firstSeq: 50, endSeq: 100 }, [])).toBe(50);
    expect(trimEnd({ firstSeq: 50, endSeq: 100 }, [49, 100])).toBe(50);
  });

  it('keeps what a live server has not applied, until the log is twice as long', () => {
    expect(trimEnd({ firstSeq: 50, endSeq: 100 }, [40, 100])).toBe(41);
    // 51 batches count: as many again are kept.
    expect(trimEnd({ firstSeq: 90, endSeq: 140 }, [40, 100])).toBe(41);
    expect(trimEnd({ firstSeq: 100, endSeq: 150 }, [40, 100])).toBe(49);
  });

  async function world(appliedSeq: number) {
    const store = new SimulatedEtcd(systemClock).connect();
    const put = (seq: number) => ({ kind: 'put', key: keys.batch(seq), value: new Uint8Array(1) }) as const;
    await store.commit({ compare: [], success: Array.from({ length: 100 }, (_, at) => put(at + 1)) });
    const roster = new EtcdRoster({
      ...{ store, clock: systemClock, random: systemRandom, keys },
      facts: () => ({ feedVersion: 1, appliedSeq }),
      warn: (message) => {
        throw new Error(message);
      },
    });
    roster.begin(() => ({
      ...{ name: 'b', leads: false, term: 1n, lagMs: 0, sessions: 0, addresses: {}, revision: 1 },
      ...{ version: '0', isReady: true, formatMax: 4, rulesMax: 1 },
    }));
    while ((await roster.list()).servers.length === 0);
    return { store, roster };
  }

  const first = async (store: EtcdStore) => {
    const { values } = await store.read({ ...keys.batches, limit: 1 });
    return keys.seqOf(values[0].key);
  };

  it('waits for a server that is listed, and goes on when it has gone', async () => {
    const { store, roster } = await world(70);
    const trimmer = new LogTrimmer({
      store,
      keys,
      fence: { write: (success) => store.commit({ compare: [], success }) },
    });
    await trimmer.trim({ firstSeq: 80, endSeq: 100, isUrgent: false });
    expect(await first(store)).toBe(71);
    await roster.close();
    await trimmer.trim({ firstSeq: 80, endSeq: 100, isUrgent: false });
    expect(await first(store)).toBe(80);
  });

  it('waits for nobody while the store has little room', async () => {
    const { store, roster } = await world(70);
    const trimmer = new LogTrimmer({
      store,
      keys,
      fence: { write: (success) => store.commit({ compare: [], success }) },
    });
    await trimmer.trim({ firstSeq: 80, endSeq: 100, isUrgent: true });
    expect(await first(store)).toBe(80);
    await roster.close();
  });
});
