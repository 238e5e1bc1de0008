// Counts what makes a tree hard to read: node test/gate/structure.mjs [TOP] [--json]
//
// Folders with more files than fit on a screen, imports that lead back to themselves, names that are exported twice, and
// casts. Prints a table, and below it what was counted.
import { readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cyclesOf, importsOf, nodesOf, readSources } from './imports.mjs';

/** Folders with more files than this are listed. */
const FILES_MAX = 20;
/** Sources with more lines than this are listed. */
const LINES_MAX = 350;
/** Where files are counted: everything that people write. `gen/` is not, and test vectors are data. */
const COUNTED = ['src', 'harness', 'test', 'docs'];

/** Measures the tree at `top`. */
export function measure(top) {
  const sources = readSources(top, 'src');
  const edges = importsOf(sources).filter(({ to }) => to.startsWith('src/'));
  const atLoad = edges.filter(({ isType, isLazy }) => !isType && !isLazy);
  const between = (name) => edges.map(({ from, to }) => [name(from), name(to)]);
  const lines = sources.reduce((sum, source) => sum + source.lines, 0);
  const { casts, assertions } = countCasts(sources);
  return {
    files: sources.length,
    lines,
    longFiles: sources.filter((source) => source.lines > LINES_MAX).map(({ path, lines }) => ({ path, lines })),
    fullFolders: fullFolders(top),
    cyclesAtRunTime: cyclesOf(atLoad.map(({ from, to }) => [from, to])),
    cyclesWithTypes: cyclesOf(edges.map(({ from, to }) => [from, to])),
    cyclesOfRooms: cyclesOf(between(roomOf)),
    cyclesOfFolders: cyclesOf(between(dirname)),
    namesExportedTwice: namesExportedTwice(sources),
    castsPerThousandLines: (casts / lines) * 1_000,
    assertionsPerThousandLines: (assertions / lines) * 1_000,
  };
}

/** The room of a source: its folder right under `src`, with everything in it. Files beside the rooms are one room. */
export function roomOf(path) {
  const [, room, inside] = path.split('/');
  return inside === undefined ? 'src' : `src/${room}`;
}

/** Folders of more than {@link FILES_MAX} files, not counting those of their own folders; the largest first. */
function fullFolders(top) {
  const counts = new Map();
  const tops = readdirSync(top);
  for (const folder of COUNTED.filter((name) => tops.includes(name))) {
    for (const entry of readdirSync(join(top, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.endsWith('.pyc')) continue;
      const path = relative(top, entry.parentPath).split(sep).join('/');
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  const full = [...counts].filter(([, count]) => count > FILES_MAX);
  return full.sort(([, x], [, y]) => y - x).map(([folder, files]) => ({ folder, files }));
}

/** Names that more than one file declares and exports, with those files. A re-export declares nothing. */
function namesExportedTwice(sources) {
  const files = new Map();
  for (const { path, body } of sources) {
    for (const name of body.filter(({ type }) => type === 'ExportDeclaration').flatMap(declaredNames)) {
      files.set(name, (files.get(name) ?? new Set()).add(path));
    }
  }
  const twice = [...files].filter(([, paths]) => paths.size > 1);
  return twice.sort(([x], [y]) => (x < y ? -1 : 1)).map(([name, paths]) => ({ name, files: [...paths] }));
}

function declaredNames({ declaration }) {
  if (declaration.type === 'VariableDeclaration') {
    return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.value] : []));
  }
  return [(declaration.identifier ?? declaration.id).value];
}

/** `as T` and `x!`. `as const` takes nothing on trust, and an alias of an import is no cast. */
function countCasts(sources) {
  let [casts, assertions] = [0, 0];
  for (const { body } of sources) {
    for (const { type } of nodesOf(body)) {
      if (type === 'TsAsExpression' || type === 'TsTypeAssertion') casts++;
      else if (type === 'TsNonNullExpression') assertions++;
    }
  }
  return { casts, assertions };
}

/** The measurements as text: a table, then the members of what was counted. */
export function report(measured) {
  const row = (name, value) => `| ${name} | ${value} |`;
  const group = (title, lines) => (lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)]);
  const joined = (cycles) => cycles.map((cycle) => cycle.join(' '));
  return [
    '| measure | value |',
    '|---|---|',
    row('files of src', measured.files),
    row('lines of src', measured.lines),
    row(`files of src with more than ${LINES_MAX} lines`, measured.longFiles.length),
    row(`folders with more than ${FILES_MAX} files`, measured.fullFolders.length),
    row('import cycles at run time', measured.cyclesAtRunTime.length),
    row('import cycles, imports of types included', measured.cyclesWithTypes.length),
    row('cycles between rooms', measured.cyclesOfRooms.length),
    row('cycles between folders', measured.cyclesOfFolders.length),
    row('names exported by more than one file', measured.namesExportedTwice.length),
    row('`as` per thousand lines', measured.castsPerThousandLines.toFixed(2)),
    row('`!` per thousand lines', measured.assertionsPerThousandLines.toFixed(2)),
    ...group(
      `Files of src with more than ${LINES_MAX} lines`,
      measured.longFiles.map(({ path, lines }) => `${path} ${lines}`),
    ),
    ...group(
      `Folders with more than ${FILES_MAX} files`,
      measured.fullFolders.map(({ folder, files }) => `${folder} ${files}`),
    ),
    ...group('Import cycles at run time', joined(measured.cyclesAtRunTime)),
    ...group('Import cycles, imports of types included', joined(measured.cyclesWithTypes)),
    ...group('Cycles between rooms', joined(measured.cyclesOfRooms)),
    ...group('Cycles between folders', joined(measured.cyclesOfFolders)),
    ...group(
      'Names exported by more than one file',
      measured.namesExportedTwice.map(({ name, files }) => `${name}: ${files.join(' ')}`),
    ),
  ].join('\n');
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [top = '.'] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const measured = measure(resolve(top));
  console.log(process.argv.includes('--json') ? JSON.stringify(measured, undefined, 2) : report(measured));
}
