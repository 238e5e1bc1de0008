import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { Rules } from '../../src/core/model/rules.js';
import { Format } from '../../src/journal/format/frame.js';
import { EMPTY_LOG, encodeHead } from '../../src/log/etcd/batch.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { EtcdRoster } from '../../src/log/etcd/roster.js';
import type { RosterEntry } from '../../src/log/roster.js';
import { EtcdProcess, lacksEtcd } from './etcd-process.js';

const ENTRY: RosterEntry = {
  ...{ name: 'a', leads: true, term: 7n, lagMs: 12, sessions: 3, addresses: { grpc: '10.0.0.1:8768' } },
  ...{ revision: 99, version: '0.2.0', isReady: true, formatMax: 4, rulesMax: 2 },
};

const FACTS = { feedVersion: 1, appliedSeq: 17 };

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

(lacks ? describe.skip : describe)('the list of servers in etcd', () => {
  let etcd: EtcdProcess;
  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  });
  afterAll(() => etcd.remove());

  function roster(network: string) {
    const store = etcd.connect();
    const one = new EtcdRoster({
      ...{ store, clock: systemClock, random: systemRandom, keys: new LogKeys(network) },
      facts: () => FACTS,
      warn: (message, error) => {
        throw new Error(message, { cause: error });
      },
    });
    return {
      one,
      close: async () => {
        await one.close();
        store.close();
      },
    };
  }

  async function until(holds: () => Promise<boolean>) {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  it('shows every server what each other says, and none that has closed', async () => {
    const [a, b, other] = [roster('yard'), roster('yard'), roster('another')];
    b.one.begin(() => ({ ...ENTRY, name: 'b', leads: false }));
    a.one.begin(() => ENTRY);
    await until(async () => (await a.one.list()).servers.length === 2);
    const { servers, format } = await b.one.list();
    const [first, second] = servers;
    expect(format).toBe(EMPTY_LOG.format);
    const { atMs, ...told } = first;
    expect(told).toEqual(ENTRY);
    expect(Math.abs(atMs - Date.now())).toBeLessThan(60_000);
    expect([second.name, second.leads]).toEqual(['b', false]);
    expect((await other.one.list()).servers).toEqual([]);
    await a.close();
    expect((await b.one.list()).servers.map(({ name }) => name)).toEqual(['b']);
    await Promise.all([b.close(), other.close()]);
  });

  it('shows the format that the head of the log says, and for a build that does not say what it reads, what that one reads', async () => {
    const [early, store] = [roster('early'), etcd.connect()];
    const [keys, end] = [new LogKeys('early'), { ...EMPTY_LOG, seq: 1, format: 3 }];
    await store.commit({ compare: [], success: [{ kind: 'put', key: keys.head, value: encodeHead(end, 1n) }] });
    early.one.begin(() => ({ ...ENTRY, formatMax: 0, rulesMax: 0 }));
    await until(async () => (await early.one.list()).servers.length === 1);
    const { servers, format } = await early.one.list();
    expect(format).toBe(3);
    expect(servers).toMatchObject([{ formatMax: Format.EPOCHS, rulesMax: Rules.FIRST }]);
    store.close();
    await early.close();
  });
});
