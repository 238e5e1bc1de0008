import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkFolder } from '../../src/journal/inspect.js';
import { LmdbJournal } from '../../src/journal/lmdb.js';
import { appendAt } from '../journal/workload.js';

// After gastownhall/beads#2933: the file that is locked was deleted, and two processes wrote one journal.

/** What a lock is worth where the kernel does not hold it, as on some network file systems. */
const UNLOCKED = () => ({ holds: () => true, release: () => {} });

function open(folder: string): Promise<LmdbJournal> {
  return LmdbJournal.open(folder, () => Number.POSITIVE_INFINITY, UNLOCKED);
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-one-writer-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('One writer', () => {
  it('refuses a second journal in a folder whose file `lock` was deleted', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      rmSync(join(folder, 'lock'));
      const message = `another process has ${folder}: one process at a time can use a data folder`;
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'locked', message });
      await journal.append(appendAt(1));
      await journal.close();
    }));

  it('lets nobody append who has been overtaken, though both believe that the folder is theirs', () =>
    inFolder(async (folder) => {
      const [first, second] = [await open(folder), await open(folder)];
      await second.append(appendAt(1));
      const { last } = second;
      await expect(first.append(appendAt(1))).rejects.toMatchObject({ kind: 'locked' });
      await expect(first.append(appendAt(1))).rejects.toMatchObject({ kind: 'locked' });
      const third = await open(folder);
      expect(third.last).toBe(last);
      await third.append(appendAt(last + 1));
      await expect(second.append(appendAt(last + 1))).rejects.toMatchObject({ kind: 'locked' });
      await expect(second.writeSnapshot(last, parts())).rejects.toMatchObject({ kind: 'locked' });
      for (const journal of [first, second, third]) await journal.close();
      expect(await checkFolder(folder)).toMatchObject({ problemCount: 0 });
    }));
});

async function* parts(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('one');
}
