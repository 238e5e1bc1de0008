import { beforeEach, describe, expect, it } from '@jest/globals';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import type { Command } from '../../src/core/model/command.js';
import { FrameKind, seal } from '../../src/journal/format/frame.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import { OWN_NUMBERS } from '../../src/journal/own-numbers.js';
import { encodeLeader } from '../../src/log/etcd/batch.js';
import { EtcdJournal } from '../../src/log/etcd/journal.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { ROSTER_MAX } from '../../src/log/etcd/limits.js';
import { ServerName } from '../../src/log/etcd/server-name.js';
import { type EtcdStore, StoreError } from '../../src/log/etcd/store.js';
import { depose, openLog } from './etcd-disk.js';

const NETWORK = 'read';
const keys = new LogKeys(NETWORK);
const LATER = { formatMax: 4, rulesMax: 2 };
const FORMAT_2: Command = { kind: 'TerminateStream', sid: 1, id: 300, storedAtMs: 1 };
const FORMAT_3: Command = { kind: 'ForgetKey', uuid: '00000000-0000-4000-8000-000000000001' };
const FORMAT_4: Command = { kind: 'RenewEpoch', epoch: 'e' };

describe('what every server of a network can read', () => {
  let etcd: SimulatedEtcd;
  let store: EtcdStore;

  beforeEach(() => {
    etcd = new SimulatedEtcd(systemClock);
    store = etcd.connect();
  });

  const claim = (name: string, known = OWN_NUMBERS) =>
    ServerName.claim({
      ...{ store: etcd.connect(), clock: systemClock, random: systemRandom, keys, network: NETWORK, name, known },
      ...{ peerAddress: `127.0.0.1:${name.charCodeAt(0)}`, isRefused: async () => false },
      warn: () => undefined,
      taken: ({ message }) => {
        throw new Error(message);
      },
    });
  /** As a server writes its name: under its lease. */
  const put = async (name: string, value: Uint8Array) => {
    const { id: lease } = await store.grant(60_000);
    await store.commit({ compare: [], success: [{ kind: 'put', key: keys.name(name), value, lease }] });
  };
  const lead = async () => (await openLog(etcd.connect(), NETWORK).lead()).journal;

  it('is what the build itself knows where it is alone', async () => {
    const journal = await lead();
    expect(journal.readers).toEqual({ ...OWN_NUMBERS, formatOf: 's1', rulesOf: 's1' });
    await journal.append([encodeRecord(1, FORMAT_2), encodeRecord(2, FORMAT_4)]);
    expect(journal.format).toBe(4);
  });

  it('is the least of all who have a name, and names who knows no more', async () => {
    const names = [await claim('a'), await claim('b', { formatMax: 3, rulesMax: 1 })];
    const journal = await lead();
    expect(journal.readers).toMatchObject({ formatMax: 3, formatOf: 'b' });
    await journal.append([encodeRecord(1, FORMAT_2)]);
    await journal.append([encodeRecord(2, FORMAT_3)]);
    const refused = journal.append([encodeRecord(3, FORMAT_4)]);
    await expect(refused).rejects.toMatchObject({
      kind: 'unread',
      message: 'format 4 is needed, and server b reads up to 3: upgrade it first',
    });
    expect([journal.last, journal.format]).toEqual([2, 3]);
    await names[1].close();
    // What was refused has broken nothing.
    await journal.append([encodeRecord(3, FORMAT_3)]);
    await names[0].close();
  });

  it('never falls behind a server that came after it was read: the append itself is refused', async () => {
    const journal = await lead();
    await journal.append([encodeRecord(1, FORMAT_2)]);
    expect(journal.readers?.formatMax).toBe(4);
    const old = await claim('b', { formatMax: 2, rulesMax: 1 });
    await expect(journal.append([encodeRecord(2, FORMAT_4)])).rejects.toMatchObject({ kind: 'unread' });
    expect(journal.readers?.formatMax).toBe(2);
    expect((await store.read(keys.batches)).values).toHaveLength(2);
    await old.close();
  });

  it('lets an append pass when who came since can read it', async () => {
    const journal = await lead();
    const other = await claim('b');
    await journal.append([encodeRecord(1, FORMAT_4)]);
    expect(journal.format).toBe(4);
    await other.close();
  });

  it('keeps rules back that a server does not know which came since, and lets them in when it has gone', async () => {
    const newer = openLog(etcd.connect(), NETWORK, 's1', undefined, { formatMax: 4, rulesMax: 2 });
    const { journal } = await newer.lead();
    if (!(journal instanceof EtcdJournal)) throw new Error('another journal');
    const old = await claim('b', { formatMax: 4, rulesMax: 1 });
    const rules = encodeRecord(1, { kind: 'UseRules', rules: 2 });
    await expect(journal.append([rules])).rejects.toMatchObject({
      kind: 'unread',
      message: 'rules 2 are needed, and server b knows up to 1: upgrade it first',
    });
    expect(journal.last).toBe(0);
    await old.close();
    await journal.look();
    await journal.append([rules]);
    expect(journal.last).toBe(1);
    await newer.close();
  });

  it('takes a server that does not say what it knows for one of the first build of several', async () => {
    const value = encodeLeader('b', new Uint8Array(8), '127.0.0.1:2');
    await put('b', value);
    expect((await lead()).readers).toMatchObject({ formatMax: 4, rulesMax: 1 });
  });

  /** What the leader of a later build hears when it raises the rules. */
  async function raise(): Promise<unknown> {
    const { journal } = await openLog(store, NETWORK, 's1', undefined, LATER).lead();
    return journal.append([encodeRecord(1, { kind: 'UseRules', rules: 2 })]).catch((error: unknown) => error);
  }

  it('takes a name whose value cannot be read for one of the first build, and lets a server lead all the same', async () => {
    await put('b', Buffer.from('rot'));
    expect(await raise()).toMatchObject({
      kind: 'unread',
      message: 'rules 2 are needed, and server b knows up to 1: upgrade it first',
    });
  });

  it('counts no name without a lease, as a mirror of an etcd has them: no server is behind it', async () => {
    const value = encodeLeader('b', new Uint8Array(8), '127.0.0.1:2');
    await store.commit({ compare: [], success: [{ kind: 'put', key: keys.name('b'), value }] });
    expect((await lead()).readers).toEqual({ ...OWN_NUMBERS, formatOf: 's1', rulesOf: 's1' });
  });

  it('goes no further than the first build when there are more names than are read', async () => {
    const names = Array.from({ length: ROSTER_MAX + 1 }, (_, n) => `n${String(n).padStart(3, '0')}`);
    for (const name of names) {
      const value = encodeLeader(name, new Uint8Array(8), '127.0.0.1:2', LATER);
      await put(name, value);
    }
    expect(await raise()).toMatchObject({
      kind: 'unread',
      message: expect.stringContaining('server n256, which is beyond'),
    });
    await store.commit({ compare: [], success: [{ kind: 'delete', range: { key: keys.name('n256') } }] });
    await depose(store, NETWORK);
    expect(await raise()).toBeUndefined();
  });

  it('is asked for again when etcd does not answer at once, and the term goes on', async () => {
    let silent = 0;
    const commit = store.commit.bind(store);
    store.commit = (transaction) => {
      if (transaction.compare.length > 0 || silent === 0) return commit(transaction);
      silent--;
      return Promise.reject(new StoreError('unclear', 'etcd does not answer'));
    };
    const { journal } = await openLog(store, NETWORK).lead();
    const other = await claim('b');
    silent = 2;
    await journal.append([encodeRecord(1, FORMAT_4)]);
    expect([silent, journal.last]).toEqual([0, 1]);
    await other.close();
  });

  describe('keeps a snapshot back', () => {
    /** The parts of a snapshot as a build makes them that knows a later format. */
    async function* laterChunks(): AsyncGenerator<Uint8Array> {
      yield seal(FrameKind.CHUNK, { revision: 1, part: 0 }, Buffer.from('a'), 4);
      yield seal(FrameKind.CHUNK, { revision: 1, part: 1 }, Buffer.from('b'), 5);
    }
    const knows5 = { formatMax: 5, rulesMax: 1 };
    const unread = {
      kind: 'unread',
      message: expect.stringContaining('format 5 is needed, and server b reads up to 4'),
    };
    const left = async () => (await store.read({ ...keys.snapshots, keysOnly: true })).values.length;

    /** A leader and a follower of a later build, each as what stores snapshots. */
    async function stores() {
      const log = openLog(etcd.connect(), NETWORK, 's1', undefined, knows5);
      const { journal } = await log.lead();
      await journal.append([encodeRecord(1, FORMAT_2)]);
      const follower = openLog(etcd.connect(), NETWORK, 's2', undefined, knows5);
      const write = {
        leader: (chunks: AsyncGenerator<Uint8Array>) => journal.writeSnapshot(1, chunks),
        follower: async (chunks: AsyncGenerator<Uint8Array>, confirm = async () => true) =>
          void (await follower.snapshots.store({ revision: 1, seq: 2, chunks, confirm })),
      };
      return { write, stored: async () => (await log.view()).journal.snapshots() };
    }

    it.each(['leader', 'follower'] as const)(
      'of the %s that a live server could not read, until that has gone',
      async (who) => {
        const { write, stored } = await stores();
        const old = await claim('b', { formatMax: 4, rulesMax: 1 });
        await expect(write[who](laterChunks())).rejects.toMatchObject(unread);
        expect([await stored(), await left()]).toEqual([[], 0]);
        await old.close();
        await write[who](laterChunks());
        expect([await stored(), await left()]).toEqual([[1], 2]);
      },
    );

    it('of the leader that a server could not read which came when all but its mark was stored', async () => {
      const { write, stored } = await stores();
      let old: ServerName | undefined;
      async function* chunks(): AsyncGenerator<Uint8Array> {
        yield* laterChunks();
        old = await claim('b', { formatMax: 4, rulesMax: 1 });
      }
      await expect(write.leader(chunks())).rejects.toMatchObject(unread);
      expect([await stored(), await left()]).toEqual([[], 0]);
      await old?.close();
    });

    it('of a follower that a server could not read which came when all but its mark was stored', async () => {
      const { write, stored } = await stores();
      let old: ServerName | undefined;
      const confirm = async () => {
        old = await claim('b', { formatMax: 4, rulesMax: 1 });
        return true;
      };
      await expect(write.follower(laterChunks(), confirm)).rejects.toMatchObject(unread);
      expect([await stored(), await left()]).toEqual([[], 0]);
      await old?.close();
    });
  });
});
