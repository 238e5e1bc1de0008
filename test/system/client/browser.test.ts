import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SystemClient } from '../../../src/system/client/browser.js';

const run = promisify(execFile);
const ESBUILD = resolve('node_modules/.bin/esbuild');

/** Bundles a module as a web page's build does. Rejects, with what it said, when it imports what no browser has. */
async function bundle(entry: string, outfile: string): Promise<void> {
  await run(ESBUILD, [entry, '--bundle', '--platform=browser', '--format=esm', `--outfile=${outfile}`]);
}

/** The source of what package.json exports under a condition: what is published is a bundle of it, and its types name it. */
async function exported(...path: string[]): Promise<string> {
  let at = JSON.parse(await readFile('package.json', 'utf8')).exports;
  for (const key of path) at = at[key];
  return resolve(
    String(at)
      .replace('./dist/', '')
      .replace(/\.d\.ts$/, '.ts'),
  );
}

describe('switchyard/system for browsers', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-bundle-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is bundled by the condition "browser", and imports nothing of Node', async () => {
    const outfile = join(folder, 'client.js');
    await bundle(await exported('./system', 'browser', 'types'), outfile);
    const text = await readFile(outfile, 'utf8');
    expect(text).toContain('SystemClient');
    expect(text).not.toMatch(/from\s*["'](node:|ws)|import\(|require\(/);
    // What is bundled runs where there is no Node: nothing of Node's globals is named.
    expect(text).not.toMatch(/\b(Buffer|process)\./);
  }, 60_000);

  it('is what a bundler finds by the name of the package', async () => {
    expect(existsSync(await exported('./system', 'browser', 'types'))).toBe(true);
    // The conditions are tried in their order: a "default" before "browser" would be taken by every bundler.
    const conditions = Object.keys(JSON.parse(await readFile('package.json', 'utf8')).exports['./system']);
    expect(conditions.indexOf('browser')).toBeLessThan(conditions.indexOf('default'));
  });

  it('would be told from one that imports Node: the entry for Node does not bundle', async () => {
    const entry = await exported('./system', 'types');
    await expect(bundle(entry, join(folder, 'node.js'))).rejects.toThrow(/node:net/);
    await writeFile(join(folder, 'entry.ts'), `import 'node:tls';`);
    await expect(bundle(join(folder, 'entry.ts'), join(folder, 'no.js'))).rejects.toThrow(/node:tls/);
  }, 60_000);

  it('says what it can connect to', async () => {
    await expect(SystemClient.connect('tcp://127.0.0.1:1')).rejects.toThrow(/not ws:\/\/ or wss:\/\//);
  });
});
