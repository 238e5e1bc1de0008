import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CONNECTION_TIMES } from '../../src/core/model/connection-times.js';
import { DEFAULT_FEED_LIMITS } from '../../src/feed/limits.js';
import { DEFAULT_DOOR_LIMITS } from '../../src/grpc/limits.js';
import { DEFAULT_RELAY_LIMITS } from '../../src/relay/limits.js';
import { RENDEZVOUS_LIMITS } from '../../src/rendezvous/limits.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../src/system/limits.js';
import { WEB_LIMITS } from '../../src/web/limits.js';

const FOLDERS = [
  'src',
  'test',
  'harness',
  'console',
  'proto',
  'gen',
  'docs',
  'deploy',
  'examples',
  'man',
  'bin',
  'sdk',
  'conformance',
];
const FILES = [
  ...readdirSync('.', { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : [])),
  ...FOLDERS,
  ...FOLDERS.flatMap((folder) => readdirSync(folder, { recursive: true }).map((path) => `${folder}/${path}`)),
];
/** Each file and folder by the ends and beginnings of its path, with and without what follows the name's dot. */
const KNOWN = new Set(FILES.flatMap((path) => namesOf(path)));

const ARCHITECTURE = readFileSync('docs/ARCHITECTURE.md', 'utf8');
const CONTRIBUTING = readFileSync('CONTRIBUTING.md', 'utf8');

/** A comment's line, and a file that is named in it. */
const COMMENT = /^\s*(?:\/\*\*?|\*|\/\/)(.*)$/gm;
const FILE_NAME = /(?<![\w./@$-])((?:[\w-]+\/)*[\w.-]+\.(?:ts|tsx|mjs|proto|md))\b(?!\/)/g;

function namesOf(path: string): string[] {
  const steps = path.split('/');
  const ends = steps.map((_, at) => steps.slice(at).join('/'));
  return ends.flatMap((end) => [end, end.replace(/(\.test)?\.\w+$/, '')]);
}

/** The files that a table of a document names in its last columns, between backticks. */
function namedIn(document: string): string[] {
  const rows = document.split('\n').filter((line) => line.startsWith('| '));
  const names = rows.flatMap((row) => [...row.matchAll(/`([\w./-]+)`/g)].map(([, name]) => name));
  return names.filter((name) => /\/|\.(ts|mjs|proto|md|json)$/.test(name)).map((name) => name.replace(/\/$/, ''));
}

/** Both spellings of where something is: names before "in" and a file, and a file with names in parentheses. */
const NAME = '`[A-Za-z_#][\\w.#]*`';
const NAMES = `${NAME}(?:(?:, | and )${NAME})*`;
const FILE = '`(?<file>[\\w./-]+\\.(?:ts|mjs))`';
const NAMES_IN_FILE = [
  new RegExp(`(?<names>${NAMES}) in ${FILE}`, 'g'),
  new RegExp(`${FILE} \\((?<names>${NAMES})\\)`, 'g'),
];

/** What a document says to be in a file: the file, and each word of the names (`Feed.subscribe` has two). */
function placedIn(document: string): { readonly file: string; readonly word: string }[] {
  const found = NAMES_IN_FILE.flatMap((spelling) => [...document.matchAll(spelling)]);
  return found.flatMap(({ groups: { names, file } = {} }) =>
    [...names.matchAll(/`([^`]*)`/g)].flatMap(([, name]) => (name.match(/\w+/g) ?? []).map((word) => ({ file, word }))),
  );
}

/** Whether a file of that name, by its whole path or the end of it, has the word in its code. */
function isIn({ file, word }: { readonly file: string; readonly word: string }): boolean {
  const paths = FILES.filter((path) => path === file || path.endsWith(`/${file}`));
  return paths.some((path) => new RegExp(`\\b${word}\\b`).test(readFileSync(path, 'utf8')));
}

/** The row of a table that begins with this. */
function rowOf(document: string, beginning: string): string {
  return document.split('\n').find((line) => line.startsWith(`| ${beginning} |`)) ?? '';
}

describe('what documents say of the code', () => {
  it.each([
    ['docs/ARCHITECTURE.md', ARCHITECTURE],
    ['CONTRIBUTING.md', CONTRIBUTING],
  ])('names only files that there are, in the tables of %s', (_, document) => {
    const names = namedIn(document);
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !KNOWN.has(name))).toEqual([]);
  });

  it.each([
    ['docs/ARCHITECTURE.md', ARCHITECTURE, 20],
    ['CONTRIBUTING.md', CONTRIBUTING, 5],
  ])('names only what is in the file that it is said to be in, in %s', (_, document, atLeast) => {
    const placed = placedIn(document);
    expect(placed.length).toBeGreaterThan(atLeast);
    expect(placed.filter((place) => !isIn(place))).toEqual([]);
  });

  it('sends who adds an option to the file of the table of options, in CONTRIBUTING.md and docs/operations.md', () => {
    const [first] = rowOf(CONTRIBUTING, 'an option').match(/src\/[\w./-]+\.ts/) ?? [];
    const [, made] = readFileSync('docs/operations.md', 'utf8').match(/<!-- begin options: made from (\S+),/) ?? [];
    const listen = rowOf(CONTRIBUTING, 'a transport of system events').match(/-listen` in `([\w./-]+)`/)?.[1];
    for (const file of [first, made, listen])
      expect(readFileSync(file ?? '', 'utf8')).toContain('export const OPTIONS = {');
  });

  it('names every limits file of src in the row about bounds of docs/ARCHITECTURE.md', () => {
    const row = rowOf(ARCHITECTURE, 'a bound');
    const limits = FILES.filter((path) => /^src\/.*\/limits\.ts$/.test(path));
    expect(limits.filter((path) => !row.includes(`\`${path.slice('src/'.length)}\``))).toEqual([]);
  });

  it('names every folder of test/ that is not of a room of src in docs/ARCHITECTURE.md', () => {
    const folders = readdirSync('test', { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
    const others = folders.filter((folder) => !FILES.includes(`src/${folder}`));
    expect(others.filter((folder) => !ARCHITECTURE.includes(`\`${folder}/\``))).toEqual([]);
  });

  it('names every file that tells the types of links apart in the row about a LinkType of CONTRIBUTING.md', () => {
    const row = rowOf(CONTRIBUTING, 'a LinkType');
    const telling = FILES.filter((path) => /^src\/.*\.ts$/.test(path)).filter((path) =>
      /TRANSPORT_UDP/.test(readFileSync(path, 'utf8').replace(/^\s*\*.*$/gm, '')),
    );
    expect(telling.length).toBeGreaterThan(5);
    expect(telling.filter((path) => !row.includes(path.slice(path.lastIndexOf('/') + 1)))).toEqual([]);
  });

  it('gives the times of a direct connection as the code has them in docs/direct-connections.md', () => {
    const { acceptMs, gatherDeadlineMs, attemptDeadlineMs, relayDeadlineMs, pendingMs } = CONNECTION_TIMES;
    const document = readFileSync('docs/direct-connections.md', 'utf8');
    const cell = (state: string) => document.match(new RegExp(`^\\| ${state} \\|[^|]*\\|([^|]*)\\|$`, 'm'))?.[1].trim();
    const seconds = (ms: number) => `${ms / 1_000} s`;
    expect(cell('ordered')).toBe(seconds(acceptMs));
    expect(cell('gathering')).toBe(seconds(gatherDeadlineMs));
    expect(cell('punching')).toBe(`${seconds(attemptDeadlineMs)} each`);
    expect(cell('relayed')).toBe(`${seconds(relayDeadlineMs)}, ${seconds(attemptDeadlineMs)}`);
    expect(document).toContain(`within ${seconds(pendingMs)}`);
    expect(document).toContain(`${seconds(pendingMs + relayDeadlineMs)} in all`);
    expect(document).toContain(`holds for ${seconds(RENDEZVOUS_LIMITS.observedMs)}`);
    expect(pendingMs).toBeLessThan(RENDEZVOUS_LIMITS.observedMs);
  });

  it('gives the memory of all that clients can leave untaken as the bounds have it in docs/operations.md', () => {
    const { callBytesMax, requestBytesMax, answerBytesMax, watchBytesMax, streamBytesMax } = DEFAULT_DOOR_LIMITS;
    const { partialBytesMax, outBytesInAllMax, answersBytesInAllMax } = DEFAULT_SYSTEM_LIMITS;
    const { requestBytesInAllMax, untakenBytesInAllMax } = WEB_LIMITS;
    const overGrpc = callBytesMax + requestBytesMax + answerBytesMax + watchBytesMax + streamBytesMax;
    const overSystem = partialBytesMax + outBytesInAllMax + answersBytesInAllMax;
    const overWeb = requestBytesInAllMax + untakenBytesInAllMax;
    const shared = DEFAULT_RELAY_LIMITS.totalBytesMax + DEFAULT_FEED_LIMITS.snapshotBytesMax;
    const gibibytes = (overGrpc + overSystem + overWeb + shared) / 2 ** 30;
    const document = readFileSync('docs/operations.md', 'utf8');
    expect(document).toContain(`all kinds at their bounds are ${gibibytes.toFixed(1)} GiB`);
  });

  it('gives the span between heartbeats as the code has it in docs/capacity.md', () => {
    const document = readFileSync('docs/capacity.md', 'utf8');
    expect(document).toContain(`its heartbeats, one in ${DEFAULT_REPLICA_LIMITS.heartbeatMs / 1_000} s`);
  });
});

describe('what comments say of the code', () => {
  it('names only files that there are', () => {
    const sources = FILES.filter((path) => /^(src|test|harness|console|proto)\/.*\.(ts|tsx|mjs|proto)$/.test(path));
    const named = sources.flatMap((path) => {
      const comments = [...readFileSync(path, 'utf8').matchAll(COMMENT)].map(([, comment]) => comment);
      return comments.flatMap((comment) => [...comment.matchAll(FILE_NAME)].map(([, name]) => ({ path, name })));
    });
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ name }) => !KNOWN.has(name))).toEqual([]);
  });
});
