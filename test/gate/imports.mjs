// Reads the sources of a folder with the parser that the tests already use, and answers who imports whom.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { parseSync } from '@swc/core';

/**
 * One source file: its path from the top with slashes, its lines, and what the parser made of it.
 *
 * @typedef {{ path: string, lines: number, body: object[] }} Source
 * @typedef {{ from: string, to: string, isType: boolean, isLazy: boolean }} Edge
 */

/**
 * Parses every TypeScript file under `folder`. Paths are given from `top`.
 *
 * @returns {Source[]}
 */
export function readSources(top, folder) {
  return readdirSync(join(top, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const text = readFileSync(file, 'utf8');
      const { body } = parseSync(text, { syntax: 'typescript', target: 'es2022' });
      return { path: relative(top, file).split(sep).join('/'), lines: text.split('\n').length - 1, body };
    })
    .sort((x, y) => (x.path < y.path ? -1 : 1));
}

/**
 * The imports between files, by relative path, re-exports and `import()` included.
 *
 * `isType` imports are erased by the compiler; `isLazy` ones are loaded by the code that runs, so neither can be part of a
 * cycle of modules that wait for each other.
 *
 * @returns {Edge[]}
 */
export function importsOf(sources) {
  return sources.flatMap(({ path, body }) =>
    [...nodesOf(body)].flatMap((node) => {
      const found = importOf(node);
      if (found === undefined || !found.specifier.startsWith('.')) return [];
      const to = join(dirname(path), found.specifier).split(sep).join('/').replace(/\.js$/, '.ts');
      return [{ from: path, to, isType: found.isType, isLazy: found.isLazy }];
    }),
  );
}

function importOf(node) {
  const specifier = node.source?.value;
  if (node.type === 'ImportDeclaration' || node.type === 'ExportNamedDeclaration') {
    return specifier === undefined ? undefined : { specifier, isType: node.typeOnly === true, isLazy: false };
  }
  if (node.type === 'ExportAllDeclaration') return { specifier, isType: false, isLazy: false };
  if (node.type === 'TsImportType') return { specifier: node.argument.value, isType: true, isLazy: false };
  if (node.type !== 'CallExpression' || node.callee.type !== 'Import') return undefined;
  const [{ expression }] = node.arguments;
  return expression.type === 'StringLiteral' ? { specifier: expression.value, isType: false, isLazy: true } : undefined;
}

/** Every node of a tree that the parser made, outer before inner. */
export function* nodesOf(node) {
  if (Array.isArray(node)) {
    for (const part of node) yield* nodesOf(part);
    return;
  }
  if (node === null || typeof node !== 'object') return;
  if (typeof node.type === 'string') yield node;
  for (const part of Object.values(node)) yield* nodesOf(part);
}

/**
 * The groups of names that lead back to themselves: strongly connected components of more than one name.
 *
 * @param {Iterable<readonly [string, string]>} edges
 * @returns {string[][]} each sorted, and sorted by their first name
 */
export function cyclesOf(edges) {
  const next = new Map();
  for (const [from, to] of edges) {
    if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  // Tarjan's algorithm. The depth is that of the longest chain of imports, far below what the stack takes.
  const [order, low, open, cycles] = [new Map(), new Map(), [], []];
  const visit = (name) => {
    order.set(name, order.size);
    low.set(name, order.get(name));
    open.push(name);
    for (const other of next.get(name) ?? []) {
      if (!order.has(other)) visit(other);
      if (open.includes(other)) low.set(name, Math.min(low.get(name), low.get(other)));
    }
    if (low.get(name) !== order.get(name)) return;
    const group = open.splice(open.indexOf(name));
    if (group.length > 1) cycles.push(group.sort());
  };
  for (const name of next.keys()) if (!order.has(name)) visit(name);
  return cycles.sort(([x], [y]) => (x < y ? -1 : 1));
}
