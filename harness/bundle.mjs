// Bundles the program from its sources, for tests that run it as a process: it starts with half of the CPU that 400 files through
// a loader take, and a test run starts hundreds. What is made is kept beside the modules for as long as the sources are the same.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, version } from 'esbuild';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const KEPT = join(ROOT, 'node_modules/.cache/switchyard-program');
/** Bundles of other sources go after a day: until then another run may use them. */
const KEPT_FOR_MS = 24 * 3_600_000;

/** Resolves with the path of the bundled program: `node PATH serve` runs a server. */
export async function bundleProgram() {
  const folder = join(KEPT, digest());
  if (!existsSync(folder)) await make(folder);
  return join(folder, 'main.js');
}

/** What the sources are, in a few digits. */
function digest() {
  const hash = createHash('sha256').update(version).update(ROOT);
  for (const path of sources()) hash.update(path).update(readFileSync(join(ROOT, path)));
  return hash.digest('hex').slice(0, 16);
}

function sources() {
  const found = ['harness/bundle.mjs'];
  for (const room of ['src', 'gen']) {
    for (const name of readdirSync(join(ROOT, room), { recursive: true })) {
      if (name.endsWith('.ts')) found.push(`${room}/${name}`);
    }
  }
  return found.sort();
}

/** Makes the bundle: whole or not at all, as others may make the same one meanwhile. */
async function make(folder) {
  const part = `${folder}.${process.pid}`;
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts'],
    outdir: part,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    sourcemap: 'linked',
    logLevel: 'error',
    plugins: [{ name: 'addresses', setup: keepAddresses }],
  });
  try {
    renameSync(part, folder);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  dropOld();
}

/** A source that looks for files beside itself looks where it was, and not where the bundle is. */
function keepAddresses(bundling) {
  bundling.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
    const text = readFileSync(path, 'utf8');
    if (!text.includes('import.meta.url')) return undefined;
    return { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'ts' };
  });
}

function dropOld() {
  for (const name of readdirSync(KEPT)) {
    const path = join(KEPT, name);
    if (statSync(path).mtimeMs < Date.now() - KEPT_FOR_MS) rmSync(path, { recursive: true, force: true });
  }
}
