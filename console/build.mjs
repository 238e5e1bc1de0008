// Bundles the page: scripts, style and icon with their hash in their names, and each compressed by brotli beside. It loads
// nothing, and neither does what it makes. `npm run build` calls it after the compiler, for dist/console.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

const OPTIONS = {
  absWorkingDir: HERE,
  bundle: true,
  minify: true,
  target: 'es2022',
  format: 'esm',
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  metafile: true,
  legalComments: 'none',
  jsx: 'automatic',
  jsxImportSource: 'preact',
};

/** Makes the page in a folder, which is emptied first. */
export async function buildConsole(out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const worker = await bundle(out, 'src/layout/worker.ts', { format: 'iife' });
  const script = await bundle(out, 'src/main.tsx', { define: { WORKER_URL: JSON.stringify(worker) } });
  const style = await bundle(out, 'style.css');
  const icon = await bundle(out, 'icon.svg', { loader: { '.svg': 'copy' } });
  const names = { ICON: icon, STYLE: style, SCRIPT: script };
  const html = readFileSync(join(HERE, 'index.html'), 'utf8');
  writeFileSync(
    join(out, 'index.html'),
    html.replace(/"(ICON|STYLE|SCRIPT)"/g, (_, name) => `"${names[name]}"`),
  );
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  for (const name of readdirSync(out)) {
    writeFileSync(join(out, `${name}.br`), brotliCompressSync(readFileSync(join(out, name)), { params }));
  }
}

/** The files that the page's scripts are made of, by their whole paths. */
export async function filesOfConsole() {
  const entryPoints = ['src/layout/worker.ts', 'src/main.tsx'];
  const { metafile } = await build({
    ...OPTIONS,
    outdir: HERE,
    entryPoints,
    write: false,
    define: { WORKER_URL: '""' },
  });
  return Object.keys(metafile.inputs).map((file) => resolve(HERE, file));
}

/** Bundles one entry, and answers with the name of what came of it. */
async function bundle(out, entry, more = {}) {
  const { metafile } = await build({
    ...OPTIONS,
    outdir: out,
    ...more,
    entryPoints: [entry],
  });
  const [path] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === entry) ?? [];
  return path.split('/').at(-1);
}

/** The commit that is built; empty outside of a checkout. */
function commit() {
  try {
    const options = { cwd: HERE, stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('git', ['rev-parse', 'HEAD'], options).toString().trim();
  } catch {
    return '';
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await buildConsole(join(DIST, 'console'));
  writeFileSync(join(DIST, 'build.json'), `${JSON.stringify({ commit: commit() })}\n`);
}
