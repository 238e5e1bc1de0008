import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUF = join(ROOT, 'node_modules/@bufbuild/buf/bin/buf');
const execute = promisify(execFile);

/** Languages whose stubs are generated here and not compiled, in folders of their own. Kotlin's call those of Java. */
const PLUGINS = { csharp: 'csharp', java: 'kotlin', kotlin: 'kotlin', php: 'php', objc: 'objc' };

/**
 * What `buf generate` writes for languages that Debian cannot compile. C# has one file for each proto, named by that alone: the protos of
 * the journal, in the same module once, took the place of two of the API's. Such a loss is told by nothing but the files that are missing.
 */
describe('stubs of languages that are not compiled here', () => {
  let out: string;
  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'switchyard-stubs-'));
    const plugins = Object.entries(PLUGINS).map(
      ([plugin, folder]) => `  - protoc_builtin: ${plugin}\n    out: ${join(out, folder)}\n`,
    );
    await writeFile(join(out, 'buf.gen.yaml'), `version: v2\nplugins:\n${plugins.join('')}`);
    const template = ['--template', join(out, 'buf.gen.yaml')];
    await execute(process.execPath, [BUF, 'generate', 'proto', ...template], { cwd: ROOT });
  }, 120_000);
  afterAll(() => rm(out, { recursive: true, force: true }));

  const protos = readdirSync(join(ROOT, 'proto'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.proto'),
  );
  const filesOf = (folder: string) =>
    readdirSync(join(out, folder), { recursive: true, encoding: 'utf8' }).filter((path) => /\.\w+$/.test(path));
  const textOf = (folder: string, file: string) => readFileSync(join(out, folder, file), 'utf8');
  /** The items of a kind that the protos of the API define outside of other items. */
  const namesOf = (kind: 'message' | 'enum' | 'service') =>
    protos
      .filter((path) => path.startsWith('switchyard/v1/'))
      .map((path) => readFileSync(join(ROOT, 'proto', path), 'utf8'))
      .flatMap((text) => [...text.matchAll(new RegExp(`^${kind} (\\w+) \\{`, 'gm'))].map(([, name]) => name));
  const camelCase = (path: string) =>
    basename(path, '.proto').replace(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase());

  it('has one C# file for each proto, and a class for each message of the API', () => {
    const files = filesOf('csharp');
    expect(files.sort()).toEqual(protos.map((path) => `${camelCase(path)}.cs`).sort());
    const text = files.map((file) => textOf('csharp', file)).filter((one) => one.includes('namespace Switchyard.V1 {'));
    const classes = [...text.join('').matchAll(/^ {2}public sealed partial class (\w+) :/gm)].map(([, name]) => name);
    expect(classes.sort()).toEqual(namesOf('message').sort());
    const enums = [...text.join('').matchAll(/^ {2}public enum (\w+) \{/gm)].map(([, name]) => name);
    expect(enums.sort()).toEqual(namesOf('enum').sort());
  });

  it('has Kotlin for each message of the API, and no two files whose names differ by their case alone', () => {
    const files = filesOf('kotlin');
    const folded = files.map((file) => file.toLowerCase());
    expect(files.filter((_file, at) => folded.indexOf(folded[at]) !== at)).toEqual([]);
    const names = new Set(files.filter((file) => file.startsWith('io/switchyard/v1/')).map((file) => basename(file)));
    expect(namesOf('message').filter((name) => !names.has(`${name}Kt.kt`) || !names.has(`${name}.java`))).toEqual([]);
  });

  it('has PHP and Objective-C for each message of the API', () => {
    const php = new Set(filesOf('php'));
    expect(namesOf('message').filter((name) => !php.has(`Switchyard/V1/${name}.php`))).toEqual([]);
    const headers = filesOf('objc').filter((file) => file.endsWith('.pbobjc.h') && file.startsWith('switchyard/'));
    const text = headers.map((file) => textOf('objc', file)).join('');
    const classes = new Set([...text.matchAll(/^GPB_FINAL @interface (\w+) :/gm)].map(([, name]) => name));
    expect(namesOf('message').filter((name) => !classes.has(`SWY${name}`))).toEqual([]);
  });
});
