import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runFolder } from './run-folder.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The path of a module of this repository as JavaScript: what runs in a namespace runs in a process of its own, and
 * dozens of them start faster when each need not compile. Compiled once for each process that asks, into its
 * {@link runFolder}.
 */
export function compiled(path: string): string {
  const out = join(runFolder(), 'compiled');
  if (!existsSync(out)) {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const build = spawnSync(process.execPath, [tsc, '-p', join(ROOT, 'harness/nat/tsconfig.json'), '--outDir', out], {
      encoding: 'utf8',
    });
    if (build.status !== 0) throw new Error(build.stdout);
    writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n');
  }
  return join(out, path.replace(/\.ts$/, '.js'));
}
