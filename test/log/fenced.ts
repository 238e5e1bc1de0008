import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GOOD_WAYS, type Way, type Ways } from '../../harness/simulation/machine/etcd.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { type EtcdStore, StoreError } from '../../src/log/etcd/store.js';
import type { SharedLog, Term } from '../../src/log/shared-log.js';
import { heldBack, parts, partsOf, records, revisionsAfter } from '../journal/reading.js';
import { depose, edit, openLog } from './etcd-disk.js';

/** An etcd that a test has for itself, or a part of it. */
export interface EtcdWorld {
  /** A connection; what goes wrong on it is given where the etcd is simulated, and made around it elsewhere. */
  connect(): EtcdStore;
}

const NETWORK = 'fenced';

/**
 * Requests that go wrong on their way to any store, a real one too. `lost` never arrives, `unanswered` is carried out and nobody
 * hears of it, `late` is carried out after its sender was told that nothing is known.
 */
export function troubled(store: EtcdStore, ways: Ways): EtcdStore {
  const unclear = () => new StoreError('unclear', 'etcd: nothing is known of it');
  return {
    ...bound(store),
    commit: async (transaction) => {
      const way = ways.next('commit');
      if (way.kind === 'lost') throw unclear();
      if (way.kind === 'late') {
        setTimeout(() => void store.commit(transaction).catch(() => undefined), way.byMs);
        throw unclear();
      }
      const committed = await store.commit(transaction);
      if (way.kind === 'unanswered') throw unclear();
      return committed;
    },
    keepAlive: async (lease) => {
      if (ways.next('keepAlive').kind !== 'passes') throw unclear();
      return store.keepAlive(lease);
    },
  };
}

/** A store's methods, so that some of them can be replaced. */
export function bound(store: EtcdStore): EtcdStore {
  return {
    commit: (transaction) => store.commit(transaction),
    read: (range) => store.read(range),
    grant: (ttlMs) => store.grant(ttlMs),
    keepAlive: (lease) => store.keepAlive(lease),
    revoke: (lease) => store.revoke(lease),
    compact: (revision) => store.compact(revision),
    status: () => store.status(),
    watch: (range, changed) => store.watch(range, changed),
    close: () => store.close(),
  };
}

/** What a log promises where several processes may take themselves for its leader. */
export function fencedContract(makeWorld: () => Promise<EtcdWorld>): void {
  let world: EtcdWorld;
  let tool: EtcdStore;
  let network: string;
  const keys = () => new LogKeys(network);
  const open: SharedLog[] = [];
  let count = 0;

  beforeEach(async () => {
    world = await makeWorld();
    tool = world.connect();
    network = `${NETWORK}-${count++}`;
  });
  afterEach(async () => {
    for (const log of open.splice(0)) await log.close();
    tool.close();
  });

  function log(ways: Ways = GOOD_WAYS(), name = 's1', ttlMs = 20_000): SharedLog {
    const made = openLog(troubled(world.connect(), ways), network, name, ttlMs);
    open.push(made);
    return made;
  }
  const readers = async (): Promise<number[]> => {
    await depose(tool, network);
    const term = await log(GOOD_WAYS(), 'reader').lead();
    const found = await revisionsAfter(term.journal, term.journal.compacted);
    await term.resign();
    return found;
  };
  /** The next appends go these ways, one after the other; what comes then passes. */
  function planned(): { ways: Ways; plan: (...ways: Way[]) => void } {
    const queue: Way[] = [];
    const next = (request: string): Way => (request === 'commit' ? (queue.shift() ?? PASSES) : PASSES);
    return { ways: { next, delayMs: () => 0 }, plan: (...ways) => void queue.push(...ways) };
  }

  describe('an append that etcd has no space for', () => {
    it('is stored where etcd says so after it has carried it out, and refused where it has not', async () => {
      const store = world.connect();
      let way: 'passes' | 'landed' | 'refused' = 'passes';
      const full = () => new StoreError('full', 'etcd: space exceeded');
      const commit: EtcdStore['commit'] = async (transaction) => {
        if (way === 'refused') throw full();
        const committed = await store.commit(transaction);
        if (way === 'landed') throw full();
        return committed;
      };
      const made = openLog({ ...bound(store), commit }, network);
      open.push(made);
      const term = await made.lead();
      await term.journal.append(records(1, 2));
      way = 'landed';
      await term.journal.append(records(3, 4));
      way = 'refused';
      await expect(term.journal.append(records(5, 5))).rejects.toMatchObject({ kind: 'full' });
      way = 'passes';
      await term.journal.append(records(5, 6));
      expect(await readers()).toEqual([1, 2, 3, 4, 5, 6]);
    });
  });

  describe('a term that is over', () => {
    it('appends nothing any more, says that it is deposed, and is lost', async () => {
      const first = await log().lead();
      await first.journal.append(records(1, 2));
      await depose(tool, network);
      const second = await log(GOOD_WAYS(), 's2').lead();
      await second.journal.append(records(3, 3));
      await expect(first.journal.append(records(3, 4))).rejects.toMatchObject({ kind: 'deposed' });
      await expect(first.journal.append(records(3, 4))).rejects.toMatchObject({ kind: 'deposed' });
      await until(async () => first.lost.aborted);
      expect(first.lost.reason).toMatchObject({ kind: 'deposed' });
      expect(second.number).toBeGreaterThan(first.number);
      expect(await readers()).toEqual([1, 2, 3]);
    });

    it('appends nothing either while no other has begun', async () => {
      const term = await log().lead();
      await depose(tool, network);
      await expect(term.journal.append(records(1, 1))).rejects.toMatchObject({ kind: 'deposed' });
      expect(await readers()).toEqual([]);
    });

    it('stores no snapshot and forgets nothing', async () => {
      const first = await log().lead();
      await first.journal.append(records(1, 9));
      await first.journal.writeSnapshot(4, parts(4, ['a']));
      await depose(tool, network);
      await expect(first.journal.compact(4)).rejects.toMatchObject({ kind: 'deposed' });
      await expect(first.journal.writeSnapshot(6, parts(6, ['b']))).rejects.toMatchObject({ kind: 'deposed' });
      expect(await readers()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it('does not take the term of another away when it resigns', async () => {
      const first = await log().lead();
      await depose(tool, network);
      const second = await log(GOOD_WAYS(), 's2').lead();
      await first.resign();
      await second.journal.append(records(1, 1));
      expect(second.lost.aborted).toBe(false);
    });
  });

  describe('an append of which nothing is known', () => {
    it.each<[string, Way[], number]>([
      ['was lost', [{ kind: 'lost' }, { kind: 'lost' }], 2],
      ['has landed', [{ kind: 'unanswered' }], 1],
      ['has landed at the second try', [{ kind: 'lost' }, { kind: 'unanswered' }], 2],
      ['arrives after its repetition', [{ kind: 'late', byMs: 150 }], 1],
    ])('is in the log once when it %s', async (_, ways, retries) => {
      const { ways: all, plan } = planned();
      const term = await log(all).lead();
      plan(...ways);
      await term.journal.append(records(1, 3));
      await term.journal.append(records(4, 4));
      await new Promise((resolve) => setTimeout(resolve, 200));
      await term.journal.append(records(5, 5));
      expect(term.figures.retries.unclear).toBe(retries);
      expect(term.figures.seq).toBe(4);
      expect(await readers()).toEqual([1, 2, 3, 4, 5]);
    });

    it('is acknowledged when it had landed before its term ended', async () => {
      const { ways, plan } = planned();
      const first = await log(ways).lead();
      plan({ kind: 'unanswered' }, { kind: 'lost' });
      const appended = first.journal.append(records(1, 2));
      await until(async () => (await tool.read({ key: keys().batch(2) })).values.length === 1);
      await depose(tool, network);
      await appended;
      await expect(first.journal.append(records(3, 3))).rejects.toMatchObject({ kind: 'deposed' });
      expect(await readers()).toEqual([1, 2]);
    });

    it('is refused when its term ended before, and lands never, however late it arrives', async () => {
      const { ways, plan } = planned();
      const first = await log(ways).lead();
      plan({ kind: 'late', byMs: 300 }, { kind: 'lost' });
      const appended = first.journal.append(records(1, 2));
      await depose(tool, network);
      await expect(appended).rejects.toMatchObject({ kind: 'deposed' });
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(await readers()).toEqual([]);
    });
  });

  it('takes a term for lost when etcd is silent for two thirds of its TTL, and lets another lead after it', async () => {
    let isSilent = false;
    const next = (): Way => (isSilent ? { kind: 'lost' } : PASSES);
    const first = await log({ next, delayMs: () => 0 }, 's1', 3_000).lead();
    await first.journal.append(records(1, 1));
    isSilent = true;
    const lost = new Promise((resolve) => first.lost.addEventListener('abort', resolve));
    const unknown = first.journal.append(records(2, 2));
    await lost;
    expect(first.lost.reason).toMatchObject({ kind: 'deposed' });
    expect((await tool.read({ key: keys().leader })).values).toHaveLength(1);
    const second = await log(GOOD_WAYS(), 's2').lead();
    expect(second.journal.last).toBe(1);
    isSilent = false;
    await expect(unknown).rejects.toMatchObject({ kind: 'deposed' });
    await second.resign();
  }, 30_000);

  it('keeps its term for longer than the TTL while etcd answers', async () => {
    const term = await log(GOOD_WAYS(), 's1', 2_000).lead();
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(term.lost.aborted).toBe(false);
    await term.journal.append(records(1, 1));
  }, 30_000);

  it('removes what an attempt at a snapshot left that died with its term', async () => {
    const first = await log().lead();
    await first.journal.append(records(1, 5));
    const { chunks } = heldBack(3, ['a', 'b', 'c']);
    void first.journal.writeSnapshot(3, chunks).catch(() => undefined);
    const left = async () => (await tool.read({ ...keys().snapshots, keysOnly: true })).values.length;
    await until(async () => (await left()) > 0);
    await depose(tool, network);
    const second = await log(GOOD_WAYS(), 's2').lead();
    expect(await left()).toBe(0);
    await second.journal.writeSnapshot(3, parts(3, ['x', 'y']));
    expect(await partsOf(second.journal, 3)).toEqual(['x', 'y']);
  });

  it('stores parts of a snapshot that are larger than a request', async () => {
    const term = await log().lead();
    await term.journal.append(records(1, 1));
    const large = ['x'.repeat(1_700_000), '', 'y'.repeat(524_288 - 6), 'z'.repeat(600_000)];
    await term.journal.writeSnapshot(1, parts(1, large));
    expect(await partsOf(term.journal, 1)).toEqual(large);
  });

  it('names a batch that is missing, and the revision that is missing with it', async () => {
    const term = await log().lead();
    for (let revision = 1; revision <= 4; revision++) await term.journal.append(records(revision, revision));
    await tool.commit({ compare: [], success: [{ kind: 'delete', range: { key: keys().batch(4) } }] });
    const reading = revisionsAfter(term.journal, 0);
    await expect(reading).rejects.toMatchObject({ kind: 'damaged', revision: 3, message: 'batch 4 is missing' });
  });

  it('finds a batch of another history by its chain', async () => {
    const term = await log().lead();
    for (let revision = 1; revision <= 3; revision++) await term.journal.append(records(revision, revision));
    const other = `${network}-other`;
    const elsewhere = openLog(world.connect(), other);
    open.push(elsewhere);
    const { journal } = await elsewhere.lead();
    for (let revision = 1; revision <= 3; revision++) await journal.append(records(revision, revision));
    const [foreign] = (await tool.read({ key: new LogKeys(other).batch(3) })).values;
    await edit(tool, keys().batch(3), () => foreign.value);
    await expect(revisionsAfter(term.journal, 0)).rejects.toMatchObject({ kind: 'damaged', revision: 2 });
  });

  it('takes a head that something else wrote in its term for a damaged store', async () => {
    const term: Term = await log().lead();
    await edit(tool, keys().head, (value) => value);
    const damaged = { kind: 'damaged', message: expect.stringContaining('was written by something else') };
    await expect(term.journal.append(records(1, 1))).rejects.toMatchObject(damaged);
  });
}

const PASSES: Way = { kind: 'passes' };

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}
