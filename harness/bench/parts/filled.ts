import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bound } from './children.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Lets fill.ts work on a folder, in a process of its own so that its memory goes with it. */
export async function fill(folder: string, ...steps: string[]): Promise<void> {
  const args = ['--import', './harness/typescript.mjs', 'harness/bench/parts/fill.ts', folder, ...steps];
  const child = bound(spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] }));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`fill.ts ${steps.join(' ')} ended with ${code}`);
}
