// Lets Node run the sources as they are: `node --import ./test/simulation/typescript.mjs FILE.ts`. Types are stripped by
// swc, as jest does it; an import of `./x.js` is that of `./x.ts` where there is one.
import { existsSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

// Node loads this file again in the thread of its hooks, where there is nothing to register.
if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  if (specifier.startsWith('.') && specifier.endsWith('.js')) {
    const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(fileURLToPath(url))) return { url: url.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { transformSync } = await import('@swc/core');
  const options = {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    sourceMaps: 'inline',
    filename: fileURLToPath(url),
  };
  return {
    format: 'module',
    source: transformSync(readFileSync(fileURLToPath(url), 'utf8'), options).code,
    shortCircuit: true,
  };
}
