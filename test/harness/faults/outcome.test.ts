import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { outcomeOf } from '../../../harness/faults/outcome.js';

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

describe('a run of faults', () => {
  it('has shown something only when something struck, nothing was found, and it came to its end', () => {
    const words = (strikes: number, isInterrupted: boolean, found: string[] = []) =>
      outcomeOf({ strikes, isInterrupted, found });
    expect(words(5, false)).toEqual({ words: 'kept its word', isShown: true });
    for (const isInterrupted of [false, true]) {
      expect(words(0, isInterrupted)).toEqual({ words: 'nothing was shown: nothing struck', isShown: false });
      expect(words(5, isInterrupted, ['Durable'])).toEqual({ words: 'FAILED\nDurable', isShown: false });
    }
    expect(words(1, true)).toEqual({ words: 'interrupted: nothing was found in 1 strike', isShown: false });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'that is ended by %s says so, and ends with a status that is not 0',
    async (signal) => {
      const args = ['--no-warnings', '--import', at('harness/typescript.mjs'), at('harness/faults/run.ts')];
      const run = spawn(process.execPath, [...args, 'kill', '--rounds', '1000', '--seed', '1'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [run.stdout, run.stderr]) stream.on('data', (bytes: Buffer) => (said += bytes));
      const exited = once(run, 'exit');
      // The first line of its progress comes with the first strike.
      let isOver = false;
      void exited.then(() => {
        isOver = true;
      });
      while (!isOver && !/1 of 1000/.test(said)) await Promise.race([once(run.stderr, 'data'), exited]);
      expect(said).toMatch(/1 of 1000/);
      run.kill(signal);
      expect(await exited).toEqual([130, null]);
      expect(said).toMatch(/^kill: interrupted: nothing was found in \d+ strikes?$/m);
      expect(said).not.toContain('kept its word');
    },
    240_000,
  );
});
