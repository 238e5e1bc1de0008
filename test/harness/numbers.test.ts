import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

describe('a program of the harness', () => {
  it.each([
    ['harness/faults/run.ts', '--seed abc', '--seed abc is no whole number from 0 on'],
    ['harness/faults/run.ts', '--rounds 0', '--rounds 0 is no whole number from 1 on'],
    ['harness/faults/run.ts', 'kill --sessions many', '--sessions many is no whole number from 1 on'],
    ['harness/faults/run.ts', 'kill --connections 2.5', '--connections 2.5 is no whole number from 1 on'],
    ['harness/nat/matrix.ts', '--rounds abc', '--rounds abc is no whole number from 1 on'],
    ['harness/nat/matrix.ts', '--at-once 0', '--at-once 0 is no whole number from 1 on'],
    ['harness/bench/run.ts', 'echo --rounds abc', '--rounds abc is no whole number from 1 on'],
    ['harness/bench/run.ts', 'echo --minutes soon', '--minutes soon is no number above 0'],
    ['harness/nat/proxy.ts', 'soon', 'the idle time in milliseconds soon is no whole number from 0 on'],
    ['test/journal/kill.ts', 'abc', 'the count of rounds abc is no whole number from 1 on'],
    ['harness/bench/benches/core.ts', 'abc', 'the count of sessions abc is no whole number from 1 on'],
    ['harness/bench/console/churn.ts', '--minutes soon', '--minutes soon is no number above 0'],
    ['test/abuse/fuzz/run.ts', '--seed abc', '--seed abc is no whole number from 0 on'],
    ['test/abuse/fuzz/run.ts', '--seed=', '--seed  is no whole number from 0 on'],
    ['test/abuse/fuzz/run.ts', '--minutes 0', '--minutes 0 is no number above 0'],
  ])(
    'runs nothing when a number is none: %s %s',
    (program, words, why) => {
      const args = ['--no-warnings', '--import', at('harness/typescript.mjs'), at(program), ...words.split(' ')];
      const run = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
      expect(run.status).toBeGreaterThan(0);
      expect(run.stdout).toBe('');
      expect(run.stderr).toContain(why);
    },
    90_000,
  );

  const runWithVariable = (program: string, name: string, value: string) => {
    const source = `await import(${JSON.stringify(at(program))});`;
    const args = ['--no-warnings', '--import', at('harness/typescript.mjs'), '--input-type=module', '-e', source];
    const env = { ...process.env, [name]: value };
    return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000, env });
  };

  it.each([
    ['SWITCHYARD_SEED', 'harness/seed.ts', 'no whole number from 0 on'],
    ['SWITCHYARD_BENCH_ROWS', 'harness/bench/benches/lists.ts', 'no whole number from 1 on'],
    ['SWITCHYARD_BENCH_NODES', 'harness/bench/benches/million.ts', 'no whole number from 1 on'],
  ])(
    'refuses %s that is no number, and takes an empty one for none',
    (name, program, why) => {
      const wrong = runWithVariable(program, name, 'abc');
      expect(wrong.status).toBe(1);
      expect(wrong.stderr).toContain(`${name} abc is ${why}`);
      expect(runWithVariable(program, name, '')).toMatchObject({ status: 0, stderr: '' });
    },
    90_000,
  );
});
