import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import LongestFirst from './sequencer.mjs';

const SECONDS: Record<string, number> = JSON.parse(readFileSync('test/gate/seconds.json', 'utf8'));
const SLOW = Object.keys(SECONDS);
const QUICK = Array.from({ length: 100 }, (_, at) => `test/quick-${at}.test.ts`);
const TESTS = [...QUICK, ...SLOW].map((path) => ({ path: `/root/${path}`, context: { config: { rootDir: '/root' } } }));
const sequencer = new LongestFirst({ contexts: [], globalConfig: {} });

const shardCount = 12;
const parts = Array.from({ length: shardCount }, (_, at) =>
  sequencer.shard(TESTS, { shardIndex: at + 1, shardCount }).map(({ path }: { path: string }) => path.slice(6)),
);

describe('the parts of a run of all tests', () => {
  it('have every test file, each once', () => {
    expect(parts.flat().sort()).toEqual([...QUICK, ...SLOW].sort());
  });

  it('take the same time, but for that of a quick file', () => {
    const seconds = parts.map((files) => files.reduce((sum, file) => sum + (SECONDS[file] ?? 2), 0));
    expect(Math.max(...seconds) - Math.min(...seconds)).toBeLessThanOrEqual(2);
  });

  it('begin with their slowest files', () => {
    for (const files of parts) {
      const seconds = files.map((file) => SECONDS[file] ?? 2);
      expect(seconds).toEqual([...seconds].sort((a, b) => b - a));
    }
  });
});

describe('the table of slow test files', () => {
  it('names files that are there', () => {
    expect(SLOW.filter((file) => !existsSync(file))).toEqual([]);
  });
});
