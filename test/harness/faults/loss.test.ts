import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { loss } from '../../../harness/faults/loss.js';

const LIMIT_MS = 600_000;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const lacks = loss.lacks();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

(lacks ? describe.skip : describe)('a real server with a network that loses packets', () => {
  it(
    'keeps its word to clients at the other end of it',
    async () => {
      const args = ['--no-warnings', '--import', './harness/typescript.mjs', 'harness/faults/run.ts'];
      const child = spawn(process.execPath, [...args, 'loss', '--rounds', '1', '--seed', '20251122'], {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.on('data', (bytes) => (said += bytes));
      await once(child, 'close');
      expect(said).toMatch(/^loss: kept its word: 1 rounds, .*\n$/);
    },
    LIMIT_MS,
  );
});
