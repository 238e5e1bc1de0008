// The codec, instrumented: built from its sources into a folder of its own, and counted branch by branch.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from '@swc/core';
import { createInstrumenter } from 'istanbul-lib-instrument';

const ROOT = new URL('../../../', import.meta.url);
/** The codec's files; the doors beside them need sockets and are not what is fuzzed here. */
const CODEC = ['body', 'bytes', 'compile', 'event', 'field', 'flaw', 'frame', 'kind', 'packet', 'records'];
/** What the fuzzer shares with the tests. */
const SHARED = ['mutation', 'outcome'];

/** Builds the codec and imports it: its modules by file name. The folder goes when the process ends. */
export async function instrumentedCodec() {
  const folder = join(tmpdir(), `switchyard-fuzz-${process.pid}`);
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const part of ['src/system/codec', 'test/system/codec']) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const instrumenter = createInstrumenter({ esModules: true, compact: false });
  const build = (path, instrument) => {
    const source = readFileSync(new URL(`${path}.ts`, ROOT), 'utf8');
    const { code } = transformSync(source, { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } });
    writeFileSync(join(folder, `${path}.js`), instrument ? instrumenter.instrumentSync(code, `${path}.js`) : code);
    return path;
  };
  const paths = [
    ...CODEC.map((name) => build(`src/system/codec/${name}`, true)),
    ...SHARED.map((name) => build(`test/system/codec/${name}`, false)),
  ];
  const modules = paths.map(async (path) => [
    basename(path),
    await import(pathToFileURL(join(folder, `${path}.js`)).href),
  ]);
  return Object.fromEntries(await Promise.all(modules));
}

/** Powers of two: three times round a loop is news after once, 37 times after 36 is not. */
function bucket(count) {
  return Math.min(7, 32 - Math.clz32(count));
}

/** Tells whether a run reached something that no run before has: a branch, or one far more often. */
export class Coverage {
  /** For each place that branches, how often each way was taken in this run. */
  #counters = Object.values(globalThis.__coverage__).flatMap(({ b }) => Object.values(b));
  /** The same places: the buckets that any run has reached, one bit each. */
  #seen = this.#counters.map((counts) => new Uint8Array(counts.length));

  /** How many buckets of branches have been reached. */
  reached = 0;

  /** Runs it and tells whether it reached something new. */
  run(call) {
    for (const counts of this.#counters) counts.fill(0);
    call();
    const before = this.reached;
    for (const [index, counts] of this.#counters.entries()) {
      const seen = this.#seen[index];
      for (let way = 0; way < counts.length; way++) {
        const bit = counts[way] === 0 ? 0 : 1 << (bucket(counts[way]) - 1);
        if ((seen[way] & bit) === bit) continue;
        seen[way] |= bit;
        this.reached++;
      }
    }
    return this.reached > before;
  }
}
