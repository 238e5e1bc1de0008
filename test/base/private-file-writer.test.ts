import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writePrivateFile } from '../../src/base/private-file-writer.js';

describe('a secret file that is written beside the event loop', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-writer-'));
    path = join(folder, 'file');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has all parts, for its owner alone, and is the only one in the folder', async () => {
    const mask = process.umask(0);
    await writePrivateFile(path, ['one\n', 'two\n']).finally(() => process.umask(mask));
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('is the earlier one until it is whole, and stays that when its content breaks', async () => {
    writeFileSync(path, 'earlier');
    const seen: string[] = [];
    const parts = function* (fails: boolean) {
      yield 'new ';
      seen.push(readFileSync(path, 'utf8'));
      if (fails) throw new Error('broken');
      yield 'content';
    };
    await expect(writePrivateFile(path, parts(true))).rejects.toThrow('broken');
    expect([readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual(['earlier', ['file']]);
    await writePrivateFile(path, parts(false));
    expect([readFileSync(path, 'utf8'), seen]).toEqual(['new content', ['earlier', 'earlier']]);
  });

  it('replaces a link, and leaves what that leads to', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'of another');
    symlinkSync(other, path);
    await writePrivateFile(path, ['own']);
    expect([readFileSync(path, 'utf8'), readFileSync(other, 'utf8')]).toEqual(['own', 'of another']);
  });

  it('lets the event loop turn between its parts', async () => {
    let turns = 0;
    const turn = setInterval(() => turns++, 0);
    const seen: number[] = [];
    const parts = function* () {
      for (let n = 0; n < 200; n++) {
        seen.push(turns);
        yield 'x'.repeat(16_384);
      }
    };
    await writePrivateFile(path, parts());
    clearInterval(turn);
    expect(seen.at(-1)).toBeGreaterThan(seen[0]!);
  });
});
