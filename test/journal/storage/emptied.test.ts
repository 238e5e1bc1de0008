import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { backUpFolder } from '../../../src/journal/backup.js';
import { checkFolder } from '../../../src/journal/inspect.js';
import { endFounding, noteFounding } from '../../../src/journal/storage/founding.js';
import { LmdbJournal } from '../../../src/journal/storage/lmdb.js';
import { Program } from '../../cli/process.js';
import { appendAt } from '../workload.js';

// A data file of 0 bytes, as a crash of the file system or a copy that failed leaves it, was taken for a new one: the server
// began an empty network beside the tokens of the one that was gone.

jest.setTimeout(120_000);

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-no-content-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Begins a journal with some records; how many. */
async function begin(folder: string): Promise<number> {
  const journal = await LmdbJournal.open(folder);
  for (let done = 0; done < 50; done++) await journal.append(appendAt(journal.last + 1));
  await journal.close();
  return journal.last;
}

const file = (folder: string) => join(folder, 'data.mdb');

/** How far the journal in a folder goes, when it can be opened and read whole; else the kind of its problem. */
async function lastOf(folder: string): Promise<number | string> {
  try {
    const journal = await LmdbJournal.open(folder);
    await journal.close();
  } catch (error) {
    return (error as { kind: string }).kind;
  }
  const { records, problems } = await checkFolder(folder);
  return problems[0]?.kind ?? records.last;
}

describe('A data file of 0 bytes', () => {
  it('is refused by a start, a check and a backup, which name the file, say what to do and change nothing', () =>
    inFolder(async (folder) => {
      await begin(folder);
      truncateSync(file(folder), 0);
      const before = readdirSync(folder).sort();
      const message = expect.stringMatching(
        new RegExp(`${file(folder)} is empty \\(0 bytes\\).* Nothing was changed\\. Restore a backup`),
      );
      const refusal = { kind: 'damaged', message };
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject(refusal);
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject(refusal);
      await expect(checkFolder(folder)).rejects.toMatchObject(refusal);
      await expect(backUpFolder(folder, `${folder}-backup`)).rejects.toMatchObject(refusal);
      expect(statSync(file(folder)).size).toBe(0);
      expect(readdirSync(folder).sort()).toEqual(before);
    }));

  it('ends `serve` with its message, beside the token of the network that is gone', () =>
    inFolder(async (folder) => {
      await begin(folder);
      writeFileSync(join(folder, 'admin-token'), 'a-token-of-before\n', { mode: 0o600 });
      for (const name of ['lock', 'lock.mdb']) rmSync(join(folder, name));
      truncateSync(file(folder), 0);
      const program = new Program(['serve', '--listen', '127.0.0.1:0', '--data', folder]);
      try {
        expect(await program.ended()).not.toBe(0);
        expect(program.err).toContain(`${file(folder)} is empty (0 bytes)`);
      } finally {
        await program.stop('SIGKILL');
      }
    }));
});

describe('A data file that was cut short', () => {
  it('is damaged or whole, and never the beginning of another history, wherever it was cut', () =>
    inFolder(async (folder) => {
      const last = await begin(folder);
      const { size } = statSync(file(folder));
      const lengths = [0, 1, 4_095, 4_096, 8_192, 12_288];
      for (let length = 16_384; length < size; length += 4_096 * 10) lengths.push(length);
      for (const length of lengths) {
        const cut = join(folder, `cut-${length}`);
        mkdirSync(cut, { mode: 0o700 });
        copyFileSync(file(folder), file(cut));
        truncateSync(file(cut), length);
        expect(['damaged', last]).toContain(await lastOf(cut));
      }
    }));
});

describe('A folder without a data file', () => {
  it.each(['lock.mdb', 'audit'])('is refused where %s shows that there was one', (left) =>
    inFolder(async (folder) => {
      await begin(folder);
      mkdirSync(join(folder, 'audit'));
      for (const name of readdirSync(folder)) if (name !== left) rmSync(join(folder, name), { recursive: true });
      const message = expect.stringContaining(
        `${file(folder)} is missing: a server has run in this folder, as ${left}`,
      );
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'damaged', message });
      expect(existsSync(file(folder))).toBe(false);
    }),
  );

  it('is a new one where there is only a token, which may have been put there beforehand', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'admin-token'), 'a-token-of-before\n', { mode: 0o600 });
      expect(await begin(folder)).toBeGreaterThan(0);
    }));

  it.each([
    ['before the data file was made', ['lock', 'founding']],
    ['before LMDB opened the data file', ['lock', 'founding', 'data.mdb']],
    ['before LMDB wrote to the data file', ['lock', 'founding', 'data.mdb', 'lock.mdb']],
  ])('is a new one after a crash in the first start: %s', (_, names) =>
    inFolder(async (folder) => {
      for (const name of names) writeFileSync(join(folder, name), '', { mode: 0o600 });
      expect(await begin(folder)).toBeGreaterThan(0);
      expect(readdirSync(folder).sort()).toEqual(['data.mdb', 'lock', 'lock.mdb']);
      truncateSync(file(folder), 0);
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'damaged' });
    }),
  );

  it('says that it belonged to a server with --journal where that is what its files show', () =>
    inFolder(async (folder) => {
      mkdirSync(join(folder, 'audit'), { mode: 0o700 });
      writeFileSync(join(folder, 'log-home.json'), '{}\n', { mode: 0o600 });
      const message = expect.stringMatching(
        /this folder belonged to a server with --journal, as log-home\.json in it shows\. Nothing was changed\. Start it with --journal, or begin .* in a new folder/,
      );
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'damaged', message });
      expect(existsSync(file(folder))).toBe(false);
    }));
});

describe('The note of the first start', () => {
  it('is gone from the disk, too, when the first start has ended, and costs later starts nothing', () =>
    inFolder(async (folder) => {
      const synced: string[][] = [];
      const sync = (path: string) => void synced.push(readdirSync(path).sort());
      noteFounding(folder);
      endFounding(folder, sync);
      endFounding(folder, sync);
      expect(synced).toEqual([[]]);
    }));
});

// A failure of power keeps the length that a file was given, and may lose what was written to it.
describe('A data file of the first start after a failure of power', () => {
  /** As the first start leaves a folder, with this data file. */
  function cutOff(folder: string, content: Uint8Array): void {
    for (const name of ['lock', 'founding', 'lock.mdb']) writeFileSync(join(folder, name), '', { mode: 0o600 });
    writeFileSync(file(folder), content, { mode: 0o600 });
  }

  it.each([4_096, 8_192])('is a new one where it is %i bytes of zeros', (size) =>
    inFolder(async (folder) => {
      cutOff(folder, Buffer.alloc(size));
      await expect(checkFolder(folder)).rejects.toMatchObject({
        message: expect.stringContaining('there is no journal'),
      });
      const copied = backUpFolder(folder, `${folder}-backup`);
      await expect(copied).rejects.toMatchObject({ message: expect.stringContaining('there is no journal') });
      expect(statSync(file(folder)).size).toBe(size);
      const last = await begin(folder);
      expect(readdirSync(folder).sort()).toEqual(['data.mdb', 'lock', 'lock.mdb']);
      expect(await lastOf(folder)).toBe(last);
    }),
  );

  it.each([
    ['its first page alone is whole', (whole: Buffer) => whole.subarray(0, 4_096)],
    ['its second page is zeros', (whole: Buffer) => Buffer.concat([whole.subarray(0, 4_096), Buffer.alloc(4_096)])],
    ['something stands behind zeros', (whole: Buffer) => Buffer.concat([Buffer.alloc(8_192), whole.subarray(8_192)])],
    ['it is larger than a new one', () => Buffer.alloc(131_072)],
  ])('is left as it is where %s, with what to do about the folder', (_, content) =>
    inFolder(async (folder) => {
      await begin(folder);
      const left = content(readFileSync(file(folder)));
      cutOff(folder, left);
      const message = expect.stringMatching(/the first start in this folder was cut off.* Empty the folder/);
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'damaged', message });
      expect(readFileSync(file(folder)).equals(left)).toBe(true);
    }),
  );

  it('is damaged where it is zeros and nothing shows that the first start did not end', () =>
    inFolder(async (folder) => {
      await begin(folder);
      writeFileSync(file(folder), Buffer.alloc(8_192));
      const message = expect.stringMatching(/does not begin as an LMDB file does$/);
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'damaged', message });
      expect(statSync(file(folder)).size).toBe(8_192);
    }));
});
