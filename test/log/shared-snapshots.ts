import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { LogKeys } from '../../src/log/etcd/keys.js';
import type { EtcdStore } from '../../src/log/etcd/store.js';
import type { FollowedLog, SnapshotToStore } from '../../src/log/shared-log.js';
import { heldBack, parts, records, revisionsAfter } from '../journal/reading.js';
import { depose, edit, openLog } from './etcd-disk.js';
import type { EtcdWorld } from './fenced.js';

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

  function log(name = 's1'): FollowedLog {
    const one = openLog(world.connect(), network, name);
    open.push(one);
    return one;
  }

  async function led() {
    const { journal } = await log().lead();
    for (const last of [3, 6, 9, 12]) await journal.append(records(last - 2, last));
    return journal;
  }

  const snapshot = (revision: number, seq: number, texts = ['a', 'b']): SnapshotToStore => ({
    ...{ revision, seq, chunks: parts(revision, texts) },
    confirm: async () => true,
  });
  const left = async () => (await tool.read({ ...keys().snapshots, keysOnly: true })).values.length;
  const stored = async () => (await log().view()).journal.snapshots();

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
