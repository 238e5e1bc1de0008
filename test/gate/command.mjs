import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startGroup } from './groups.mjs';

/** The top of the checkout. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Runs a program to its end and keeps what it says, both outputs in one text.
 *
 * Never rejects: a program that is not there ends with code 127, as in a shell. `outBytes` is standard output alone,
 * for what must not be mixed with warnings.
 */
export function run(program, args, { env = {}, input } = {}) {
  return new Promise((resolve) => {
    const child = startGroup(program, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: 'pipe' });
    const out = [];
    const both = [];
    child.stdout.on('data', (bytes) => out.push(bytes) && both.push(bytes));
    child.stderr.on('data', (bytes) => both.push(bytes));
    child.on('error', (error) => resolve({ code: 127, said: error.message, outBytes: Buffer.alloc(0) }));
    child.on('close', (code, signal) => {
      const said = Buffer.concat(both).toString() + (signal ? `\n${program} was ended by ${signal}` : '');
      resolve({ code: code ?? 1, said, outBytes: Buffer.concat(out) });
    });
    // A program that does not read its input says so by its exit status; the broken pipe adds nothing to that.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** Runs a program that came with the node modules, by the script behind it: no shell and no npx in between. */
export function runModule(script, args, options) {
  return run(process.execPath, [join(ROOT, 'node_modules', script), ...args], options);
}
