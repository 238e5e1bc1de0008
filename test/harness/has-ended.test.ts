import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { hasEnded } from '../../harness/has-ended.js';

describe('a child of the harness', () => {
  it.each([
    ['with an exit code', 'process.exit(3)', undefined],
    ['by a signal', 'setInterval(() => {}, 1_000)', 'SIGKILL' as const],
  ])('is known to have ended when it ended %s', async (_how, program, signal) => {
    const child = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    expect(hasEnded(child)).toBe(false);
    if (signal !== undefined) child.kill(signal);
    await exited;
    expect(hasEnded(child)).toBe(true);
  });
});
