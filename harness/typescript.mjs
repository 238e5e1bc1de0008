// Lets a child process of a test run the sources as they are: node --import ./harness/typescript.mjs program.ts
//
// The same compiler as jest's, one file at a time and without types; `./x.js` in an import means `./x.ts` if that is there.
// What it made is kept beside the modules: a test run starts hundreds of processes, each of which would compile 300 files.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { NEXT_BUILD, nextBuild } from './next-build.mjs';

const OPTIONS = { sourceMaps: 'inline', jsc: { target: 'es2022', parser: { syntax: 'typescript' } } };
const require = createRequire(import.meta.url);
const { version } = require('@swc/core/package.json');
const KEPT = fileURLToPath(new URL('../node_modules/.cache/switchyard-typescript/', import.meta.url));

if (isMainThread) register(import.meta.url);

/** A hook of Node's module loader: where an import leads. */
export function resolve(specifier, context, next) {
  if (specifier.startsWith('.') && specifier.endsWith('.js')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

/** A hook of Node's module loader: what is read there. */
export function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  return { format: 'module', source: compiled(fileURLToPath(url)), shortCircuit: true };
}

/** A source as JavaScript: as it was kept, or compiled now. */
function compiled(filename) {
  const source = readFileSync(filename, 'utf8');
  const text = process.env[NEXT_BUILD] === undefined ? source : nextBuild(filename, source);
  // The file's name is in its source map.
  const key = createHash('sha256')
    .update(JSON.stringify([version, OPTIONS, filename, text]))
    .digest('hex');
  const kept = `${KEPT}${key}.mjs`;
  try {
    return readFileSync(kept, 'utf8');
  } catch {
    // Not compiled yet.
  }
  // Loaded only when it is needed: by itself it takes a good part of a process's start.
  const { code } = require('@swc/core').transformSync(text, { ...OPTIONS, filename });
  keep(kept, code);
  return code;
}

/** Keeps what was compiled: whole or not at all, as others read it meanwhile. Where nothing can be written, nothing is kept. */
function keep(path, code) {
  const part = `${path}.${process.pid}`;
  try {
    mkdirSync(KEPT, { recursive: true });
    writeFileSync(part, code);
    renameSync(part, path);
  } catch {
    // A checkout that others own.
  }
}
