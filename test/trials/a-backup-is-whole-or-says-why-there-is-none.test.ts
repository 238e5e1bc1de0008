import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { backUpFolder } from '../../src/journal/backup.js';
import { importFolder } from '../../src/journal/storage/import.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { appendAt } from '../journal/workload.js';

// cement #610: a backup of "dir/" went to "dir/.bak". etcd #8964: what a backup that failed had begun stayed.
// Here "dir/" was refused with "no such file or directory", and below a file the error of the cleaning up stood in place of the cause.

let root: string;
let data: string;
const at = (name: string) => join(root, name);

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'switchyard-backup-'));
  data = at('data');
  mkdirSync(data);
  const journal = await LmdbJournal.open(data);
  await journal.append(appendAt(1));
  await journal.close();
});
afterEach(() => rmSync(root, { recursive: true }));

const unfinished = () => readdirSync(root, { recursive: true }).filter((name) => `${name}`.includes('unfinished'));

describe('a backup', () => {
  it.each(['copy/', 'copy//', './copy/.'])('is made in %s, as tab completion writes a folder', async (name) => {
    const { path, state } = await backUpFolder(data, `${root}/${name}`);
    expect(resolve(path)).toBe(at('copy'));
    expect(state.revision).toBeGreaterThan(0);
    expect(readdirSync(at('copy'))).toEqual(['data.mdb']);
    expect(unfinished()).toEqual([]);
  });

  it.each([
    ['no/copy', 'ENOENT', 'mkdir'],
    ['file/copy', 'ENOTDIR', 'mkdir'],
  ])('into %s is refused with the cause and the folder that was named', async (name, code, call) => {
    writeFileSync(at('file'), '');
    const refusal = backUpFolder(data, at(name));
    await expect(refusal).rejects.toMatchObject({ name: 'JournalError', kind: 'failed' });
    await expect(refusal).rejects.toThrow(
      new RegExp(`^cannot make a backup in ${at(name)}: ${code}: [a-z ]+, ${call} `, 'u'),
    );
    expect(unfinished()).toEqual([]);
  });

  it.each(['file/', 'file/.', 'file'])(
    'into %s, where a file is, is refused before anything is copied',
    async (name) => {
      writeFileSync(at('file'), '');
      let copies = 0;
      const refusal = backUpFolder(data, `${root}/${name}`, async () => void copies++);
      await expect(refusal).rejects.toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('is there already'),
      });
      expect([copies, unfinished()]).toEqual([0, []]);
    },
  );

  it('into one folder from two at once is made by one of them, and the other says that it is there', async () => {
    const both = await Promise.allSettled([backUpFolder(data, at('copy')), backUpFolder(data, at('copy'))]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(existsSync(join(at('copy'), 'data.mdb'))).toBe(true);
    expect(unfinished()).toEqual([]);
  });
});

describe('a journal that is copied out of a log', () => {
  it('below a file is refused with the cause and the folder that was named', async () => {
    writeFileSync(at('file'), '');
    const source = await LmdbJournal.open(data);
    try {
      const refusal = importFolder(at('file/copy'), source);
      await expect(refusal).rejects.toMatchObject({ name: 'JournalError', kind: 'failed' });
      await expect(refusal).rejects.toThrow(
        `cannot copy a journal into ${at('file/copy')}: ENOTDIR: not a directory, mkdir`,
      );
    } finally {
      await source.close();
    }
  });
});
