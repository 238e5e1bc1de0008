import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OUT = join(ROOT, 'node_modules/.cache/switchyard-nat', String(process.pid));

let done = false;

/**
 * The path of a module of this repository as JavaScript: what runs in a namespace runs in a process of its own, which
 * knows nothing of jest's transforms. Compiled once for each process that asks.
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
