// Fuzzes the codec, guided by coverage: node test/system/fuzz/fuzz.mjs [SECONDS] [SEED]
//
// Inputs that reach something new are kept and mutated further. No coverage-guided fuzzer for JavaScript could be had
// (the one on npm wants a newer C library than Debian 12 has), so this is a small one of our own. A failing input is
// made as short as it can be while it still fails, printed as a vector, and the exit status is 1. Without one, the
// inputs that reached what the vectors do not are written to test/vectors/fuzzed.hex.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Coverage, instrumentedCodec } from './coverage.mjs';
import { oracleOf } from './oracle.mjs';

const VECTORS = new URL('../../vectors/', import.meta.url);
const FOUND = 'fuzzed.hex';
/** Longer inputs reach nothing more, only later. */
const INPUT_BYTES_MAX = 600;
function readVectors() {
  const files = readdirSync(VECTORS).filter((file) => file.endsWith('.hex') && file !== FOUND);
  return files
    .flatMap((file) => readFileSync(new URL(file, VECTORS), 'utf8').split(/\n(?=# )/))
    .flatMap((block) => {
      const [, input] = /^# .*\n([\s\S]*?)\n[=!] /.exec(block) ?? [];
      if (input === undefined) return [];
      const [, reading, digits] = /^(answer-to \w+|\S+)([\s\S]*)$/.exec(input);
      return [{ reading, bytes: Uint8Array.from(Buffer.from(digits.replace(/\s/g, ''), 'hex')) }];
    });
}

/** Takes away whatever the failure does not need. */
function shrunk(bytes, fails) {
  for (let run = Math.ceil(bytes.length / 2); run > 0; run = Math.floor(run / 2)) {
    for (let at = 0; at < bytes.length; ) {
      const shorter = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + run)]);
      if (fails(shorter)) bytes = shorter;
      else at += run;
    }
  }
  return bytes;
}

function hex(bytes) {
  return Buffer.from(bytes).toString('hex');
}

const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? Date.now() % 0x100000000);
const modules = await instrumentedCodec();
const { canonicalJson, outcomeOf } = modules.outcome;
const random = modules.mutation.randomOf(seed);
const oracle = oracleOf(modules);
const readings = Object.keys(oracle);
const coverage = new Coverage();

function any(list) {
  return list[Math.floor(random() * list.length)];
}

/** Two inputs cut and joined, now and then; otherwise one; and then with small mistakes. */
function offspring(parent, other) {
  const cut = (bytes) => Math.floor(random() * (bytes.length + 1));
  const joined =
    random() < 0.15 ? Uint8Array.from([...parent.subarray(0, cut(parent)), ...other.subarray(cut(other))]) : parent;
  return modules.mutation.mutated(joined, random).subarray(0, INPUT_BYTES_MAX);
}

function report(error, reading, bytes) {
  const fails = (input) => {
    try {
      oracle[reading](input);
      return false;
    } catch {
      return true;
    }
  };
  console.error(`${error.stack}\n\n${reading} ${hex(shrunk(bytes, fails))}`);
  process.exit(1);
}

/** Runs one input and tells whether it reached something new; a failure ends the process. */
function tried(reading, bytes) {
  try {
    return coverage.run(() => oracle[reading](bytes));
  } catch (error) {
    report(error, reading, bytes);
  }
}

const corpus = readVectors().filter(({ bytes }) => bytes.length <= INPUT_BYTES_MAX);
for (const { reading, bytes } of corpus) tried(reading, bytes);
const vectorCount = corpus.length;
console.log(`seed ${seed}; ${vectorCount} vectors reach ${coverage.reached}`);

const until = performance.now() + seconds * 1000;
let runs = 0;
for (; performance.now() < until; runs++) {
  const parent = any(corpus);
  const reading = random() < 0.02 ? any(readings) : parent.reading;
  const bytes = offspring(parent.bytes, any(corpus).bytes);
  if (tried(reading, bytes)) corpus.push({ reading, bytes });
}

const found = corpus.slice(vectorCount);
console.log(`${runs} runs in ${seconds} s reach ${coverage.reached}; ${found.length} inputs reached something new`);
const blocks = found.map(({ reading, bytes }, index) => {
  const { value } = outcomeOf(reading, bytes);
  const { reason, offset } = value;
  const outcome = offset === undefined ? `= ${canonicalJson(value)}` : `! ${reason} ${offset}`;
  return `# Fuzzed ${index + 1}\n${reading} ${hex(bytes)}\n${outcome}\n`;
});
const heading = `## Inputs that reach what the other vectors do not: seed ${seed}, ${runs} runs.`;
writeFileSync(new URL(FOUND, VECTORS), `${heading}\n\n${blocks.join('\n')}`);
