import { beforeEach, describe, expect, it } from '@jest/globals';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { encodeLeader, encodeSnapshotter } from '../../src/log/etcd/batch.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { EtcdRoster } from '../../src/log/etcd/roster.js';
import { SnapshotClaim } from '../../src/log/etcd/snapshot-claim.js';
import type { EtcdStore } from '../../src/log/etcd/store.js';
import { openLog } from './etcd-disk.js';

const NETWORK = 'yard';
const keys = new LogKeys(NETWORK);
const ROT = Buffer.from('rot');

/** As `etcdctl make-mirror` leaves them behind: it copies no leases. */
describe('what only a live process has, found in etcd without a lease', () => {
  let store: EtcdStore;
  beforeEach(() => {
    store = new SimulatedEtcd(systemClock).connect();
  });

  const put = (key: string, value: Uint8Array) => store.commit({ compare: [], success: [{ kind: 'put', key, value }] });

  it.each([
    ['a server', encodeLeader('gone', new Uint8Array(8), '127.0.0.1:1')],
    ['what cannot be read', ROT],
  ])('keeps no server from leading where it calls %s the leader', async (_what, value) => {
    await put(keys.leader, value);
    const log = openLog(store, NETWORK);
    expect((await log.tail(0).read()).leader).toBeUndefined();
    const { number, resign } = await log.lead();
    const [leader] = (await store.read({ key: keys.leader })).values;
    expect(leader.createRevision).toBe(number);
    await resign();
  });

  it('keeps no follower from storing snapshots', async () => {
    await put(keys.snapshotter, encodeSnapshotter('gone', new Uint8Array(4)));
    const take = () => SnapshotClaim.take({ store, clock: systemClock, random: systemRandom, keys, name: 'a' });
    expect(await take()).toBeUndefined();
    const claim = await take();
    expect(claim).toBeDefined();
    await claim?.release();
  });

  it('keeps no server from being listed where one of the entries cannot be read, and says so once', async () => {
    const warned: string[] = [];
    const roster = new EtcdRoster({
      ...{ store, clock: systemClock, random: systemRandom, keys },
      facts: () => ({ feedVersion: 1, appliedSeq: 1 }),
      warn: (message) => void warned.push(message),
    });
    const own = { name: 'a', leads: true, term: 1n, lagMs: 0, sessions: 0, addresses: {}, revision: 1 };
    roster.begin(() => ({ ...own, version: '0.2.0', isReady: true, formatMax: 4, rulesMax: 1 }));
    await put(keys.server('gone'), ROT);
    const { id: lease } = await store.grant(60_000);
    await store.commit({ compare: [], success: [{ kind: 'put', key: keys.server('b'), value: ROT, lease }] });
    while ((await roster.list()).servers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await roster.list()).servers.map(({ name }) => name)).toEqual(['a']);
    expect(warned).toEqual(['the value of /switchyard/yard/servers/b in etcd cannot be read: it is not listed']);
    await roster.close();
  });
});
