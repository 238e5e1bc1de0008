import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { commitError } from '../../../src/journal/storage/failure.js';
import { freeBytes } from '../../../src/journal/storage/space.js';
import { inFolder } from '../damage.js';
import { runLimited } from '../process.js';

// Some of this is done by processes of their own: on a busy machine that takes a while.
jest.setTimeout(60_000);

/** What lmdb rejects with when a transaction did not take place. */
function refusal(code: number | string): Error {
  const commitError = Promise.reject(Object.assign(new Error('why'), { code }));
  commitError.catch(() => undefined);
  return Object.assign(new Error('Commit failed (see commitError for details)'), { commitError });
}

describe('a transaction that did not take place', () => {
  it.each([
    ['no space on the disk', 28, 'full'],
    ['a quota', 122, 'full'],
    ['a file that may not grow', 27, 'full'],
    ['a full map', -30792, 'full'],
    ['a damaged page', -30796, 'damaged'],
    ['a disk that fails', 5, 'failed'],
    ['anything else', 'ERR_OTHER', 'failed'],
  ])('because of %s is told as what it is, with where and why', (_, code, kind) =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'data.mdb'), '');
      const error = await commitError(refusal(code), folder, 1_000);
      expect(error).toMatchObject({ kind, message: `cannot write to ${folder}: why` });
      expect(readdirSync(folder)).toEqual(['data.mdb']);
    }),
  );

  it('because the journal is closed is a failure', () =>
    inFolder(async (folder) => {
      expect(await commitError(new Error('Database is closed'), folder, 0)).toMatchObject({ kind: 'failed' });
    }));
});

describe('the space on a disk', () => {
  it('is asked of the file system', () =>
    inFolder(async (folder) => {
      expect(freeBytes(folder)).toBeGreaterThan(0);
    }));

  it.each([
    [100_000, 'failed'],
    [10_000_000, 'full'],
  ])('is found out by writing where LMDB only says that it could not: %d bytes', (bytes, kind) =>
    inFolder(async (folder) => {
      expect(await runLimited('prober.ts', [folder, `${bytes}`], 600)).toBe(`${kind}\n`);
      expect(readdirSync(folder)).toEqual(['data.mdb']);
    }),
  );
});
