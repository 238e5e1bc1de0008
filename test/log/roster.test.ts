import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { EtcdRoster } from '../../src/log/etcd/roster.js';
import type { RosterEntry } from '../../src/log/roster.js';
import { EtcdProcess, lacksEtcd } from './etcd-process.js';

const ENTRY: RosterEntry = {
  ...{ name: 'a', leads: true, term: 7n, lagMs: 12, sessions: 3, addresses: { grpc: '10.0.0.1:8768' } },
  ...{ revision: 99, version: '0.2.0', isReady: true },
};

const FACTS = { formatMax: 4, rulesMax: 2, feedVersion: 1, appliedSeq: 17 };

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
    await until(async () => (await a.one.list()).length === 2);
    const [first, second] = await b.one.list();
    const { atMs, ...told } = first;
    expect(told).toEqual(ENTRY);
    expect(Math.abs(atMs - Date.now())).toBeLessThan(60_000);
    expect([second.name, second.leads]).toEqual(['b', false]);
    expect(await other.one.list()).toEqual([]);
    await a.close();
    expect((await b.one.list()).map(({ name }) => name)).toEqual(['b']);
    await Promise.all([b.close(), other.close()]);
  });
});
