import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRunning } from './pid.js';

/** Below node_modules, so that packages are found from there. */
const RUNS = fileURLToPath(new URL('../../node_modules/.cache/switchyard-nat', import.meta.url));
const OWN = join(RUNS, String(process.pid));

/**
 * Where this process keeps what its networks need: it is named after the process, so whoever comes next removes what a
 * killed one has left. {@link removeRunFolder} removes it in the end.
 */
export function runFolder(): string {
  mkdirSync(OWN, { recursive: true });
  for (const name of readdirSync(RUNS)) {
    if (!isRunning(Number(name))) rmSync(join(RUNS, name), { recursive: true, force: true });
  }
  return OWN;
}

/** Removes the folder of this process, if it has one. */
export function removeRunFolder(): void {
  rmSync(OWN, { recursive: true, force: true });
}
