import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  checkPrivateFolder,
  createPrivateFile,
  ensurePrivateFolder,
  openPrivateFile,
  PrivateFileError,
  readNamedFile,
  readPrivateFile,
  removeUnfinishedFiles,
  replacePrivateFile,
} from '../../src/base/private-files.js';

const LOADER = new URL('../../harness/typescript.mjs', import.meta.url).href;
/** A user that owns nothing here and is not root. */
const ANOTHER = 54_321;
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-private-'));
  path = join(folder, 'secret');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What everybody owns who is not root is another user's to {@link ANOTHER}; root's is everybody's. */
const isRoot = process.getuid?.() === 0;
const others = isRoot ? (name: string) => spawnSync('chown', ['12345', name]) : () => {};

describe('a private folder', () => {
  it('is made for its owner alone, whatever the mask says', () => {
    const made = join(folder, 'a', 'b');
    expect(ensurePrivateFolder(made)).toBe(join(folder, 'a'));
    expect(statSync(made).mode & 0o777).toBe(0o700);
    expect(ensurePrivateFolder(made)).toBeUndefined();
  });

  it('is refused when all can write it, and the error says what to do', () => {
    chmodSync(folder, 0o777);
    expect(() => ensurePrivateFolder(folder)).toThrow(`chmod o-w ${folder}`);
    chmodSync(folder, 0o1777);
    expect(() => ensurePrivateFolder(folder)).toThrow(PrivateFileError);
    chmodSync(folder, 0o755);
    ensurePrivateFolder(folder);
  });

  it("is refused when it is another user's", () => {
    others(folder);
    expect(() => checkPrivateFolder(folder, ANOTHER)).toThrow(/belongs to user \d+.* chown 54321 /);
  });

  it('is refused when it is a link, also to a folder that would do', () => {
    const link = join(folder, 'link');
    mkdirSync(join(folder, 'real'), 0o700);
    symlinkSync(join(folder, 'real'), link);
    expect(() => ensurePrivateFolder(link)).toThrow(/link.* is a link, or no folder: links are not followed here/);
  });
});

describe('a private file', () => {
  it('is made once, with mode 0600, and read again', () => {
    expect(readPrivateFile(path)).toBeUndefined();
    expect(createPrivateFile(path, 'one')).toBe(true);
    expect(createPrivateFile(path, 'two')).toBe(false);
    expect(readPrivateFile(path)).toBe('one');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each(['createPrivateFile', 'replacePrivateFile'])(
    'is whole or not there when it cannot be written: %s',
    (name) => {
      const source = new URL('../../src/base/private-files.ts', import.meta.url).href;
      const script = `import { ${name} as make } from '${source}';
        try { make(${JSON.stringify(path)}, 'x'.repeat(10_000)); } catch (error) { console.log(error.message); }`;
      const node = ['--no-warnings', '--import', LOADER, '--input-type=module', '-e', script];
      // No file may have more than this many blocks, as on a disk without room. Node's own writes go to pipes.
      const limited = `trap '' XFSZ; ulimit -f 1; exec "$0" "$@"`;
      const said = spawnSync('sh', ['-c', limited, process.execPath, ...node], { encoding: 'utf8' });
      expect(said.stdout).toMatch(/^cannot write .*: EFBIG/);
      expect(readdirSync(folder)).toEqual([]);
    },
    60_000,
  );

  it('that is there already is left alone, and nothing is written for it, so that no room is needed', () => {
    writeFileSync(path, 'kept', { mode: 0o600 });
    utimesSync(folder, 1, 1);
    expect(createPrivateFile(path, 'another')).toBe(false);
    expect(statSync(folder).mtimeMs).toBe(1_000);
  });

  it.each([
    ['createPrivateFile', createPrivateFile],
    ['replacePrivateFile', replacePrivateFile],
  ])('is written without removing a file of a similar name, as of a process of the same id: %s', (_name, make) => {
    const another = `${path}.${process.pid}.new`;
    writeFileSync(another, "somebody else's");
    make(path, 'secret');
    expect(readFileSync(another, 'utf8')).toBe("somebody else's");
    expect(readPrivateFile(path)).toBe('secret');
    expect(readdirSync(folder).sort()).toEqual(['secret', `secret.${process.pid}.new`]);
  });

  it('leaves no copy of itself where a process was killed between its two names, once the folder is tidied', () => {
    const [left, ofEarlierBuild] = [`${path}.0123456789abcdef.new`, `${path}.4711.new`];
    writeFileSync(path, 'secret');
    linkSync(path, left);
    writeFileSync(ofEarlierBuild, 'half a sec');
    const others = ['of-a-person.new', 'notes.draft.new', 'other.0123456789abcdef'];
    for (const name of others) writeFileSync(join(folder, name), 'kept');
    const kept: string[] = [];
    removeUnfinishedFiles(folder, (file) => kept.push(file), Date.now() - 3_600_000);
    expect(existsSync(left)).toBe(true);
    removeUnfinishedFiles(folder, (file) => kept.push(file));
    expect(kept).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual([...others, 'secret'].sort());
    expect(readFileSync(path, 'utf8')).toBe('secret');
  });

  it('is tidied without a failure where the folder cannot be listed', () => {
    const kept: unknown[] = [];
    const gone = join(folder, 'gone');
    removeUnfinishedFiles(gone, (file, error) => kept.push([file, error]));
    expect(kept).toEqual([[gone, expect.objectContaining({ code: 'ENOENT' })]]);
  });

  it('is replaced as a whole, and a link in its place with it', () => {
    const target = join(folder, 'target');
    writeFileSync(target, 'untouched');
    symlinkSync(target, path);
    replacePrivateFile(path, 'new');
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readPrivateFile(path)).toBe('new');
    expect(readFileSync(target, 'utf8')).toBe('untouched');
    replacePrivateFile(path, 'newer');
    expect(readPrivateFile(path)).toBe('newer');
  });

  it('is not made through a link that leads nowhere yet', () => {
    const target = join(folder, 'target');
    symlinkSync(target, path);
    expect(createPrivateFile(path, 'secret')).toBe(false);
    expect(() => openPrivateFile(path, constants.O_RDWR | constants.O_CREAT)).toThrow(/is a link/);
    expect(existsSync(target)).toBe(false);
  });

  it('is not read through a link, and not when all can write or read it', () => {
    writeFileSync(join(folder, 'target'), 'x', { mode: 0o600 });
    symlinkSync(join(folder, 'target'), path);
    expect(() => readPrivateFile(path)).toThrow(/is a link: links are not followed here/);
    rmSync(path);
    writeFileSync(path, 'x');
    chmodSync(path, 0o602);
    expect(() => readPrivateFile(path)).toThrow(`all users can write ${path} (mode 0602): it is not used. chmod o-w`);
    chmodSync(path, 0o644);
    expect(() => readPrivateFile(path)).toThrow(/all users can read the secret .* Change the secret, and chmod o-r/);
  });

  it("is not read when it is another user's", () => {
    writeFileSync(path, 'x', { mode: 0o600 });
    others(path);
    expect(() => readPrivateFile(path, ANOTHER)).toThrow(PrivateFileError);
  });

  it('does not wait for a named pipe that somebody put in its place', () => {
    spawnSync('mkfifo', [path]);
    expect(() => readPrivateFile(path)).toThrow(/is not a file/);
  });
});

describe('a file that a person has named', () => {
  it('may be a link, and what it leads to is checked', () => {
    const link = join(folder, 'tls.key');
    writeFileSync(path, 'key');
    chmodSync(path, 0o644);
    symlinkSync(path, link);
    expect(readNamedFile(link).toString()).toBe('key');
    chmodSync(path, 0o646);
    expect(() => readNamedFile(link)).toThrow(/all users can write .*tls\.key/);
    chmodSync(path, 0o600);
    others(path);
    expect(() => readNamedFile(link, ANOTHER)).toThrow(/belongs to user/);
  });

  it('may be a pipe', () => {
    spawnSync('mkfifo', [path]);
    const writer = spawn('sh', ['-c', 'printf piped > "$0"', path]);
    expect(readNamedFile(path).toString()).toBe('piped');
    writer.kill();
  });
});
