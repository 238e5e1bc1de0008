import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { SEED } from '../../harness/seed.js';
import { REASONS } from '../../src/core/model/fault.js';
import { run } from '../grpc/running.js';
import { IS_LONG } from '../long.js';
import { mutated, randomOf } from '../system/codec/mutation.js';
import { outcomeOf } from '../system/codec/outcome.js';
import { allVectors, type Vector } from '../system/codec/vectors.js';
import { cTables } from './c-tables.js';

const HEADER = 'sdk/c/switchyard.h';
const MARKED = /(\/\* begin tables: [^\n]*\*\/\n)[\s\S]*?(\/\* end tables \*\/)/;
const STRICT = [
  '-std=c99',
  '-O1',
  '-g',
  '-Wall',
  '-Wextra',
  '-Wpedantic',
  '-Werror',
  '-Wconversion',
  '-Wno-sign-conversion',
];
const CHECKED = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const execute = promisify(execFile);

if (process.env.UPDATE_DOCUMENT === '1') {
  const refreshed = (_: string, begin: string, end: string) => `${begin}${cTables()}\n${end}`;
  writeFileSync(HEADER, readFileSync(HEADER, 'utf8').replace(MARKED, refreshed));
}

const folder = mkdtempSync(join(tmpdir(), 'switchyard-c-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The program that reads vectors, once it was built. */
let program: string | undefined;

/** Whether there is a compiler of C with its sanitizers; says in one line when there is none. */
function hasCompiler(): boolean {
  try {
    writeFileSync(join(folder, 'probe.c'), 'int main(void) { return 0; }\n');
    execFileSync('cc', [...CHECKED, join(folder, 'probe.c'), '-o', join(folder, 'probe')], { stdio: 'ignore' });
    execFileSync(join(folder, 'probe'));
    return true;
  } catch {
    console.log('sdk/c: not run: no cc with sanitizers: apt-get install gcc libc6-dev');
    return false;
  }
}

/** Whether the compiler knows flags; says in one line when it does not. */
function knows(flags: readonly string[]): boolean {
  try {
    execFileSync('cc', ['-Werror', ...flags, '-c', join(folder, 'probe.c'), '-o', join(folder, 'probe.o')], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    process.stderr.write(`not checked: what sdk/c calls and keeps, as cc does not know one of ${flags.join(' ')}\n`);
    return false;
  }
}

function build(program: string, ...flags: string[]): string {
  const made = join(folder, program);
  execFileSync('cc', [...STRICT, ...flags, `sdk/c/${program}.c`, '-o', made]);
  return made;
}

/** What the vectors say, in the words of vectors.c. */
function expectedOf({ value, encoding }: ReturnType<typeof outcomeOf>): object {
  const isMistake = value !== null && typeof value === 'object' && 'reason' in value && 'offset' in value;
  const named = value as { reason?: keyof typeof REASONS; offset?: number };
  if (isMistake) return { reason: REASONS[named.reason!], offset: named.offset };
  const numbered = named.reason === undefined ? value : { ...named, reason: REASONS[named.reason] };
  return encoding === undefined ? { value: numbered } : { value: numbered, encoding };
}

/** Holds what the header makes of bytes against what the server makes of them. */
function judge(vectors: readonly Pick<Vector, 'name' | 'reading' | 'bytes'>[]): void {
  program ??= build('vectors', ...CHECKED);
  const lines = vectors.map(({ reading, bytes }) => `${reading} ${Buffer.from(bytes).toString('hex')}\n`).join('');
  const told = execFileSync(program, { input: lines, encoding: 'utf8', maxBuffer: 1 << 28 })
    .trimEnd()
    .split('\n');
  expect(told).toHaveLength(vectors.length);
  for (const [at, { name, reading, bytes }] of vectors.entries()) {
    const expected = expectedOf(outcomeOf(reading, bytes));
    const found = JSON.parse(told[at]) as { encoding?: string };
    // Packets and frames have no other encoding than the one that was read.
    if (!('reason' in expected) && !('encoding' in expected)) delete found.encoding;
    if (!isDeepStrictEqual(found, JSON.parse(JSON.stringify(expected))))
      expect([name, found]).toEqual([name, expected]);
  }
}

describe('sdk/c/switchyard.h', () => {
  it('has the tables of the registry: UPDATE_DOCUMENT=1 makes them anew', () => {
    expect(MARKED.exec(readFileSync(HEADER, 'utf8'))?.[0]).toContain(`\n${cTables()}\n`);
  });

  const isBuilt = hasCompiler();
  if (!isBuilt) process.stderr.write('not checked: sdk/c, as there is no cc with sanitizers: apt-get install gcc\n');
  const itBuilds = isBuilt ? it : it.skip;
  itBuilds('reads every vector as the server does, and writes it as the server does, within its bytes', () => {
    judge(allVectors());
  });

  itBuilds(`does so with vectors that have small mistakes (seed ${SEED})`, () => {
    const random = randomOf(SEED);
    const vectors = allVectors();
    const cases = Array.from({ length: IS_LONG ? 100_000 : 3_000 }, (_, at) => {
      const vector = vectors[at % vectors.length];
      return { ...vector, name: `${vector.name}, case ${at}`, bytes: mutated(vector.bytes, random) };
    });
    judge(cases);
  });

  itBuilds('is C++ too', () => {
    writeFileSync(join(folder, 'included.cc'), '#include "switchyard.h"\nint main() { return 0; }\n');
    try {
      execFileSync('c++', ['--version'], { stdio: 'ignore' });
    } catch {
      console.log('sdk/c: not run as C++: no c++: apt-get install g++');
      return;
    }
    const flags = ['-std=c++11', '-Wall', '-Wextra', '-Werror', '-Isdk/c', '-fsyntax-only'];
    execFileSync('c++', [...flags, join(folder, 'included.cc')]);
  });

  // Every function stands in the object, also one that nothing here calls, and constants that point to others are constant. A check of
  // the stack, which some systems have by default, would be a call.
  const kept = ['-O0', '-fno-pic', '-fno-pie', '-fno-stack-protector', '-fkeep-inline-functions', '-Isdk/c'];
  const itKeeps = isBuilt && knows(kept) ? it : it.skip;
  itKeeps('calls nothing but what moves, fills and compares bytes, and keeps nothing between calls', () => {
    const object = join(folder, 'whole.o');
    writeFileSync(join(folder, 'whole.c'), '#include "switchyard.h"\n');
    execFileSync('cc', [...STRICT, ...kept, '-c', join(folder, 'whole.c'), '-o', object]);
    const symbols = execFileSync('nm', [object], { encoding: 'utf8' }).trimEnd().split('\n');
    const named = (kinds: string) =>
      symbols.map((line) => line.slice(17).split(' ')).flatMap(([kind, name]) => (kinds.includes(kind) ? [name] : []));
    expect(named('tT')).toHaveLength(readFileSync(HEADER, 'utf8').match(/^static inline/gm)!.length);
    const allowed = ['memchr', 'memcmp', 'memcpy', 'memmove', 'memset', 'strlen'];
    expect(named('U').filter((name) => !allowed.includes(name))).toEqual([]);
    expect(named('bBdDC')).toEqual([]);
  });

  itBuilds('opens a session of a server over a socket, as its example says', async () => {
    const server = await run({ 'system-tcp-listen': '127.0.0.1:0' });
    try {
      const program = build('example', ...CHECKED, '-D_POSIX_C_SOURCE=200809L');
      const [host, port] = server.server.addresses.tcp!.split(':');
      const { stdout } = await execute(program, [host, port]);
      expect(stdout).toMatch(/^session \d+\nleft\n$/);
    } finally {
      await server.stop();
    }
  });
});
