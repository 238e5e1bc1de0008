// Lets a child process of a test run the sources as they are: node --import ./harness/typescript.mjs program.ts
//
// The same compiler as jest's, one file at a time and without types; `./x.js` in an import means `./x.ts` if that is there.
import { existsSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transformSync } from '@swc/core';

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
  const filename = fileURLToPath(url);
  const options = { filename, sourceMaps: 'inline', jsc: { target: 'es2022', parser: { syntax: 'typescript' } } };
  const { code } = transformSync(readFileSync(filename, 'utf8'), options);
  return { format: 'module', source: code, shortCircuit: true };
}
