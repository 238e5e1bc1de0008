import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';

/** A bench that has started a program, and waits for ever. */
const BENCH = `
  import { spawn } from 'node:child_process';
  import { bound } from './harness/bench/parts/children.ts';
  const child = bound(spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], { stdio: 'ignore' }));
  console.log(child.pid);
`;

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('a bench that is ended by %s ends the programs that it has started', async (signal, status) => {
  const args = ['--no-warnings', '--import', './harness/typescript.mjs', '--input-type=module', '--eval', BENCH];
  const bench = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  // One that ends before it says anything fails at once.
  const ended = once(bench, 'exit').then(() => ['']);
  const [line] = await Promise.race([once(createInterface({ input: bench.stdout }), 'line'), ended]);
  const pid = Number(line);
  try {
    expect(isThere(pid)).toBe(true);
    bench.kill(signal);
    expect(await once(bench, 'exit')).toEqual([status, null]);
    for (let waited = 0; isThere(pid) && waited < 100; waited++) await sleep(50);
    expect(isThere(pid)).toBe(false);
  } finally {
    if (isThere(pid)) process.kill(pid, 'SIGKILL');
  }
});
