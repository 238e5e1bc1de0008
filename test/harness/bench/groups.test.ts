import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const at = (path: string) => fileURLToPath(new URL(`../../../harness/${path}`, import.meta.url));
const TEST_MS = 90_000;

function bench(...words: string[]) {
  const args = ['--no-warnings', '--import', at('typescript.mjs'), at('bench/run.ts'), ...words];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
}

describe('npm run bench', () => {
  it(
    'takes paths as the name of several benches, each of which it has',
    () => {
      const { stdout, stderr, status } = bench('paths', 'nonesuch');
      expect(status).toBe(2);
      expect(stderr.trim()).toBe('no bench nonesuch');
      expect(stdout).toMatch(/paths .*:\n +session connect copies relay echo relayed million\n/);
    },
    TEST_MS,
  );
});
