import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Journal, JournalError } from '../../../src/journal/journal.js';
import { Folder } from '../../../src/journal/storage/folder.js';
import { LmdbJournal } from '../../../src/journal/storage/lmdb.js';
import { records } from '../reading.js';

const PLENTY = 1e12;
const NORTH = { name: 'north', sessionsMax: 7, createdAtMs: 1_700_000_000_000 };
const SOUTH = { name: 'south', sessionsMax: 0, createdAtMs: 1_700_000_000_001 };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function* parts(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

async function textsOf(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of chunks) texts.push(Buffer.from(chunk).toString());
  return texts;
}

async function revisionsOf(journal: Journal, after = journal.compacted): Promise<number[]> {
  const found: number[] = [];
  for await (const slice of journal.read(after)) for (const { revision } of slice) found.push(revision);
  return found;
}

describe('the journals of the networks of one folder', () => {
  it('keep their records, snapshots and compactions apart, also over a restart', async () => {
    const main = await LmdbJournal.open(folder);
    const [north, south] = [await main.networks!.create(NORTH), await main.networks!.create(SOUTH)];
    const [atNorth, atSouth] = [await main.networks!.open(north.number), await main.networks!.open(south.number)];
    await main.append(records(1, 3));
    await atNorth.append(records(1, 5));
    await atSouth.append(records(1, 2));
    await atNorth.writeSnapshot(4, parts('a', 'b'));
    await atNorth.compact(4);
    await main.writeSnapshot(2, parts('c'));
    await main.close();
    const again = await LmdbJournal.open(folder);
    expect(again.networks!.list()).toEqual([
      { number: 1, ...NORTH, dropped: false },
      { number: 2, ...SOUTH, dropped: false },
    ]);
    const [northAgain, southAgain] = [await again.networks!.open(1), await again.networks!.open(2)];
    expect(await revisionsOf(again)).toEqual([1, 2, 3]);
    expect(await revisionsOf(northAgain)).toEqual([5]);
    expect(await revisionsOf(southAgain)).toEqual([1, 2]);
    expect([again.snapshots(), northAgain.snapshots(), southAgain.snapshots()]).toEqual([[2], [4], []]);
    expect(await textsOf(northAgain.openSnapshot(4).chunks())).toEqual(['a', 'b']);
    await southAgain.append(records(3, 3));
    await again.compact(2);
    expect(await revisionsOf(southAgain)).toEqual([1, 2, 3]);
    await again.close();
  });

  it('are written in one transaction where they write at the same time', async () => {
    const main = await LmdbJournal.open(folder);
    const others: Journal[] = [];
    for (let number = 1; number <= 50; number++) {
      await main.networks!.create({ ...NORTH, name: `n${number}` });
      others.push(await main.networks!.open(number));
    }
    const before = main.commits;
    await Promise.all([main, ...others].map((journal) => journal.append(records(1, 1))));
    // The first goes at once, and all others together while it is synced.
    expect(main.commits - before).toBe(2);
    await main.close();
  });

  it('leave a folder without further networks as it is', async () => {
    const main = await LmdbJournal.open(folder);
    await main.append(records(1, 1));
    expect(main.networks!.list()).toEqual([]);
    await main.close();
    const look = await Folder.open(folder, true);
    expect([...look.header.getKeys()].map((key) => String(key).replace('\0', '')).sort()).toEqual([
      'header',
      'records',
      'snapshots',
      'writer',
    ]);
    await look.close();
  });

  it('take no more records once they are closed, while the others go on', async () => {
    const main = await LmdbJournal.open(folder);
    await main.networks!.create(NORTH);
    const north = await main.networks!.open(1);
    await north.close();
    await expect(north.append(records(1, 1))).rejects.toThrow(/network 1 in .* is closed/);
    await main.append(records(1, 1));
    await main.close();
  });

  it('are whole or gone wherever the drop of one is cut', async () => {
    let outcomes = '';
    for (const cut of [0, 1, 2, 3, 4, 5, 6, 8, 20]) {
      const path = join(folder, `cut-${cut}`);
      let left = Number.POSITIVE_INFINITY;
      const main = await LmdbJournal.open(path, () => (left-- > 0 ? PLENTY : 0));
      await main.networks!.create(NORTH);
      const north = await main.networks!.open(1);
      await north.append(records(1, 30));
      await north.writeSnapshot(20, parts('a', 'b'));
      await north.close();
      left = cut;
      const dropped = await main.networks!.drop(1).catch((error: unknown) => error);
      await main.close();
      const again = await LmdbJournal.open(path);
      const isThere = again.networks!.list().length === 1;
      expect(isThere).toBe(dropped instanceof JournalError);
      outcomes += isThere ? 'whole ' : 'gone ';
      if (isThere) expect(await revisionsOf(await again.networks!.open(1))).toHaveLength(30);
      expect((await again.networks!.create(SOUTH)).number).toBe(2);
      await again.close();
      const look = await Folder.open(path, true);
      expect([...look.networkKeys(1, 1_000)]).toHaveLength(isThere ? 34 : 0);
      await look.close();
      const kept = isThere ? [] : ['north-1'];
      expect(
        readdirSync(path).includes('dropped')
          ? readdirSync(join(path, 'dropped')).filter((name) => !name.endsWith('.unfinished'))
          : [],
      ).toEqual(expect.arrayContaining(kept));
    }
    // Both happen: the cuts reach from before the export to behind the last removal.
    expect(outcomes).toMatch(/^(whole )+(gone )+$/);
  });
});
