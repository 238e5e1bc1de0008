import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { LOOKED_AT } from '../cli/leaves.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

const versions = readdirSync(HERE).filter((name) => /^\d+\.\d+\.\d+$/.test(name));

/** What is exported, and where it is written. */
const EXPORTS = { 'switchyard/client': 'src/client/index', 'switchyard/system': 'src/system/client/index' };

/** A command of a release, as its help shows it. */
interface OldCommand {
  readonly words: readonly string[];
  readonly options: readonly string[];
}

/** Every command of a release from these words on, by its help. */
async function commandsOf(main: string, words: readonly string[] = []): Promise<OldCommand[]> {
  const { stdout } = await execute(process.execPath, [main, ...words, '--help']);
  const options = [...stdout.matchAll(/^ {2}(?:(-\w), )?(--[a-z0-9-]+)/gm)].flatMap(([, ...names]) => names);
  const [, listed = ''] = stdout.split('\nCommands:\n');
  const names = [...listed.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name).filter((name) => name !== 'help');
  const below: OldCommand[] = [];
  for (const name of names) below.push(...(await commandsOf(main, [...words, name])));
  return [{ words, options: options.filter((name) => name !== undefined) }, ...below];
}

/** The names that a module lists as its exports: of values and of types. */
function exportedNames(source: string): string[] {
  const lists = [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) => list.split(','));
  const listed = lists.map(
    (one) =>
      one
        .trim()
        .replace(/^type /, '')
        .split(' as ')
        .at(-1) ?? '',
  );
  const declared = [
    ...source.matchAll(/^export (?:declare )?(?:abstract )?(?:const|class|type|interface|enum|function) (\w+)/gm),
  ];
  return [...listed.filter((name) => name !== ''), ...declared.map(([, name]) => name)].sort();
}

/** The command that these words name; undefined where there is none. */
function commandOf(words: readonly string[]): Command | undefined {
  return words.reduce<Command | undefined>(
    (command, word) => command?.commands.find((one) => one.name() === word || one.aliases().includes(word)),
    LOOKED_AT,
  );
}

/** What RELEASING.md promises of a minor version beside its API and its journal: what there was is there. */
describe.each(versions)('what release %s had', (version) => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-promises-'));
    await execute('tar', ['-xzf', join(HERE, version, `switchyard-${version}.tgz`), '-C', folder]);
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(Object.entries(EXPORTS))('is exported by %s', (_module, path) => {
    const before = exportedNames(readFileSync(join(folder, 'package/dist', `${path}.d.ts`), 'utf8'));
    const now = new Set(exportedNames(readFileSync(join(ROOT, `${path}.ts`), 'utf8')));
    expect(before.length).toBeGreaterThan(5);
    expect(before.filter((name) => !now.has(name))).toEqual([]);
  });

  it('is a command of the command line, with the options that it had', async () => {
    const mains = ['bundle/switchyard.js', 'src/main.js'].map((path) => join(folder, 'package/dist', path));
    const before = await commandsOf(mains.find((path) => existsSync(path))!);
    const missing = before.flatMap(({ words, options }) => {
      const command = commandOf(words);
      if (command === undefined) return [words.join(' ')];
      const has = new Set(['-h', '--help', ...command.options.flatMap(({ short, long }) => [short, long])]);
      return options.filter((option) => !has.has(option)).map((option) => [...words, option].join(' '));
    });
    expect(before.length).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  }, 120_000);
});
