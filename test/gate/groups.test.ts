import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';

const GRANDCHILD = "console.log('pid', process.pid); setInterval(() => {}, 1_000)";
/** Runs a program that starts another and does not care for it, as jest's workers do with what tests start. */
const CHILD = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(GRANDCHILD)}], { stdio: 'inherit' })`;
const GATE = `
  import { startGroup } from ${JSON.stringify(new URL('./groups.mjs', import.meta.url).href)};
  startGroup(process.execPath, ['-e', ${JSON.stringify(CHILD)}], { stdio: 'inherit' });
`;

let left: number | undefined;
afterEach(() => {
  try {
    if (left !== undefined) process.kill(left, 'SIGKILL');
  } catch {
    // It has ended, as it should have.
  }
});

describe('a program that the gate runs', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('ends with all that it has started when %s ends the gate', async (signal, status) => {
    const gate = spawn(process.execPath, ['--input-type=module', '-e', GATE], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = await once(gate.stdout, 'data');
    left = Number(/pid (\d+)/.exec(String(text))![1]);
    process.kill(left, 0);
    gate.kill(signal);
    expect(await once(gate, 'exit')).toEqual([status, null]);
    expect(() => process.kill(left!, 0)).toThrow('ESRCH');
  });
});
