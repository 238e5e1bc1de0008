import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

/** What a call of mkdir does in the place of the real one, the first call first. */
let instead: ((path: string) => void)[] = [];

jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  mkdirSync: (path: string, options: fs.MakeDirectoryOptions) => {
    const call = instead.shift();
    return call === undefined ? fs.mkdirSync(path, options) : call(path);
  },
}));
const { makeFolders } = await import('../../src/base/make-folders.js');

/** As `recursive` says it of a disk that is read only. */
function isNotThere(path: string): never {
  throw Object.assign(new Error(`ENOENT: no such file or directory, mkdir '${path}'`), { code: 'ENOENT' });
}

describe('folders that are made with those above them', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'make-folders-'));
  });
  afterEach(() => {
    instead = [];
    fs.rmSync(folder, { recursive: true });
  });

  it('are there when another process has made the topmost one meanwhile, which is not theirs', () => {
    const path = join(folder, 'a', 'b', 'c');
    const made = (topmost: string) => {
      fs.mkdirSync(topmost);
      fs.mkdirSync(topmost);
    };
    instead = [isNotThere, made];
    expect(makeFolders(path, 0o700)).toBe(join(folder, 'a', 'b'));
    expect(fs.statSync(path).mode & 0o777).toBe(0o700);
  });

  it('are refused with the cause of the disk when the topmost one was made meanwhile', () => {
    const full = () => {
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    };
    instead = [isNotThere, (topmost) => [topmost, topmost].forEach((each) => void fs.mkdirSync(each)), full];
    expect(() => makeFolders(join(folder, 'a', 'b'), 0o700)).toThrow('ENOSPC');
  });

  it('are refused by the name of a link that leads nowhere', () => {
    const link = join(folder, 'link');
    fs.symlinkSync(join(folder, 'nowhere'), link);
    instead = [isNotThere];
    expect(() => makeFolders(join(link, 'a'), 0o700)).toThrow(`EEXIST: file already exists, mkdir '${link}'`);
  });
});
