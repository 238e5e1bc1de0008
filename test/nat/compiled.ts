import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Below node_modules, so that packages are found from there. */
const OUT = join(ROOT, 'node_modules/.cache/switchyard-nat', String(process.pid));

let done = false;

/**
 * The path of a module of this repository as JavaScript: what runs in a namespace runs in a process of its own, and
 * dozens of them start faster when each need not compile. Compiled once for each process that asks, which calls
 * {@link removeCompiled} in the end.
 */
export function compiled(path: string): string {
  if (!done) {
    mkdirSync(OUT, { recursive: true });
    writeFileSync(join(OUT, 'package.json'), '{ "type": "module" }\n');
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const build = spawnSync(process.execPath, [tsc, '-p', join(ROOT, 'test/nat/tsconfig.json'), '--outDir', OUT], {
      encoding: 'utf8',
    });
    if (build.status !== 0) throw new Error(build.stdout);
    done = true;
  }
  return join(OUT, path.replace(/\.ts$/, '.js'));
}

/** Removes what {@link compiled} has written. */
export function removeCompiled(): void {
  rmSync(OUT, { recursive: true, force: true });
  done = false;
}
