import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { type EtcdStore, StoreError } from '../../src/log/etcd/store.js';
import type { FollowedLog, SnapshotToStore } from '../../src/log/shared-log.js';
import { heldBack, parts, records, revisionsAfter } from '../journal/reading.js';
import { depose, edit, openLog } from './etcd-disk.js';
import { bound, type EtcdWorld } from './fenced.js';

/** What a log promises of snapshots that are stored by those that follow. */
export function sharedSnapshotsContract(makeWorld: () => Promise<EtcdWorld>): void {
  let world: EtcdWorld;
  let tool: EtcdStore;
  let network: string;
  const keys = () => new LogKeys(network);
  const open: FollowedLog[] = [];
  let count = 0;

  beforeEach(async () => {
    world = await makeWorld();
    tool = world.connect();
    network = `snapshots-${count++}`;
  });
  afterEach(async () => {
    for (const log of open.splice(0)) await log.close();
    tool.close();
  });

  function log(name = 's1', store = world.connect()): FollowedLog {
    const one = openLog(store, network, name);
    open.push(one);
    return one;
  }

  async function led(store = world.connect()) {
    const { journal } = await log('s1', store).lead();
    for (const last of [3, 6, 9, 12]) await journal.append(records(last - 2, last));
    return journal;
  }

  const snapshot = (revision: number, seq: number, texts = ['a', 'b']): SnapshotToStore => ({
    ...{ revision, seq, chunks: parts(revision, texts) },
    confirm: async () => true,
  });
  const left = async () => (await tool.read({ ...keys().snapshots, keysOnly: true })).values.length;
  const stored = async () => (await log().view()).journal.snapshots();
  /** Reads all parts of every snapshot that counts. Resolves with their revisions. */
  async function readAll(): Promise<readonly number[]> {
    const { journal } = await log().view();
    for (const revision of journal.snapshots()) for await (const _ of journal.openSnapshot(revision).chunks());
    return journal.snapshots();
  }
  /** A connection that carries out each put of the marks that `isUnanswered` picks, and never answers it. */
  function unanswered(isUnanswered: () => Promise<boolean>): EtcdStore {
    const store = world.connect();
    return {
      ...bound(store),
      commit: async (transaction) => {
        const committed = await store.commit(transaction);
        const isPut = transaction.success.some((one) => one.kind === 'put' && one.key === keys().marks);
        if (isPut && (await isUnanswered())) throw new StoreError('unclear', 'etcd: the answer is lost');
        return committed;
      },
    };
  }
  /** The same for the first put that is carried out; `between` takes place before its sender tries again. */
  function onceUnanswered(between: () => Promise<unknown>): EtcdStore {
    let isFirst = true;
    return unanswered(async () => {
      if (!isFirst) return false;
      isFirst = false;
      await between();
      return true;
    });
  }

  it('counts a snapshot that a follower has stored, and lets the log begin with the older of the two newest', async () => {
    await led();
    const { snapshots } = log('s2');
    expect((await snapshots.look()).newest).toBeUndefined();
    expect(await snapshots.store(snapshot(3, 2))).toBe(true);
    expect((await log().view()).journal.compacted).toBe(0);
    expect(await snapshots.store(snapshot(6, 3))).toBe(true);
    expect(await snapshots.store(snapshot(9, 4))).toBe(true);
    const { journal } = await log().view();
    expect([journal.compacted, ...journal.snapshots()]).toEqual([6, 6, 9]);
    expect(await revisionsAfter(journal, 6)).toEqual([7, 8, 9, 10, 11, 12]);
    const { newest } = await snapshots.look();
    expect(newest?.revision).toBe(9);
    expect(newest?.bytes).toBeGreaterThan(0);
  });

  it('lets one process at a time store a snapshot', async () => {
    await led();
    const { chunks, goOn } = heldBack(6, ['a', 'b']);
    const first = log('s2').snapshots.store({ ...snapshot(6, 3), chunks });
    await until(async () => (await left()) > 0);
    expect(await log('s3').snapshots.store(snapshot(9, 4))).toBe(false);
    goOn();
    expect(await first).toBe(true);
    expect(await log('s3').snapshots.store(snapshot(9, 4))).toBe(true);
  });

  it('stores no snapshot where a later one is there, and leaves nothing of it', async () => {
    await led();
    await log('s2').snapshots.store(snapshot(9, 4));
    const before = await left();
    expect(await log('s3').snapshots.store(snapshot(6, 3))).toBe(false);
    expect(await stored()).toEqual([9]);
    expect(await left()).toBe(before);
  });

  it('counts no snapshot of a process that does not vouch for it', async () => {
    await led();
    expect(await log('s2').snapshots.store({ ...snapshot(6, 3), confirm: async () => false })).toBe(false);
    expect([await stored(), await left()]).toEqual([[], 0]);
  });

  it('counts nothing of a process that has lost its right to store, and removes what is left of it', async () => {
    await led();
    const { chunks, goOn } = heldBack(6, ['a', 'b', 'c']);
    const late = log('s2').snapshots.store({ ...snapshot(6, 3), chunks });
    await until(async () => (await left()) > 0);
    await tool.commit({ compare: [], success: [{ kind: 'delete', range: { key: keys().snapshotter } }] });
    await depose(tool, network);
    const second = await log('s3').lead();
    expect(await left()).toBe(0);
    goOn();
    await expect(late).rejects.toMatchObject({ kind: 'failed' });
    expect([await stored(), await left()]).toEqual([[], 0]);
    await second.journal.append(records(13, 13));
  });

  it('leaves an attempt of a follower alone when another leader begins meanwhile', async () => {
    await led();
    const { chunks, goOn } = heldBack(6, ['a', 'b']);
    const storing = log('s2').snapshots.store({ ...snapshot(6, 3), chunks });
    await until(async () => (await left()) > 0);
    await depose(tool, network);
    await log('s3').lead();
    goOn();
    expect(await storing).toBe(true);
    expect(await stored()).toEqual([6]);
  });

  it('keeps what a follower has stored when the leader stores a snapshot itself', async () => {
    const journal = await led();
    await log('s2').snapshots.store(snapshot(6, 3));
    await journal.writeSnapshot(9, parts(9, ['x']));
    expect(await stored()).toEqual([6, 9]);
    await log('s2').snapshots.store(snapshot(12, 5));
    await journal.compact(6);
    expect(await stored()).toEqual([9, 12]);
  });

  it('keeps a snapshot of the leader whose mark landed unanswered before a follower stored a later one', async () => {
    const journal = await led(onceUnanswered(async () => log('s2').snapshots.store(snapshot(12, 5))));
    await journal.writeSnapshot(9, parts(9, ['x', 'y']));
    expect(await readAll()).toEqual([9, 12]);
  });

  it('keeps a snapshot of a follower whose mark landed unanswered before the leader stored a later one', async () => {
    const journal = await led();
    const { snapshots } = log(
      's2',
      onceUnanswered(async () => journal.writeSnapshot(12, parts(12, ['x']))),
    );
    expect(await snapshots.store(snapshot(9, 4))).toBe(true);
    expect(await readAll()).toEqual([9, 12]);
  });

  it('counts a snapshot once whose mark landed unanswered before the leader compacted', async () => {
    const journal = await led();
    await journal.writeSnapshot(6, parts(6, ['x']));
    const { snapshots } = log(
      's2',
      onceUnanswered(async () => journal.compact(6)),
    );
    expect(await snapshots.store(snapshot(9, 4))).toBe(true);
    expect(await readAll()).toEqual([6, 9]);
  });

  it('keeps a snapshot of the leader whose mark landed unanswered when the leader ends before it asks again', async () => {
    let landed = () => {};
    const hasLanded = new Promise<void>((resolve) => {
      landed = resolve;
    });
    const store = unanswered(async () => {
      landed();
      return true;
    });
    const { journal } = await log('s1', store).lead();
    await journal.append(records(1, 3));
    const writing = journal.writeSnapshot(3, parts(3, ['x', 'y']));
    const rejected = expect(writing).rejects.toMatchObject({ kind: 'failed' });
    await hasLanded;
    await journal.close();
    await rejected;
    expect(await readAll()).toEqual([3]);
  });

  it('finds parts that are of another attempt than the one that counts', async () => {
    await led();
    const { snapshots } = log('s2');
    await snapshots.store(snapshot(6, 3, ['a', 'b']));
    await snapshots.store(snapshot(9, 4, ['a', 'c']));
    const all = (await tool.read(keys().snapshots)).values;
    await edit(tool, all[3].key, () => all[1].value);
    const { journal } = await log().view();
    const read = async () => {
      for await (const _ of journal.openSnapshot(9).chunks());
    };
    await expect(read()).rejects.toMatchObject({ kind: 'damaged', revision: 9 });
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}
