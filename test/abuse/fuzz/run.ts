// `npm run fuzz -- [--seed N] [--minutes M]`: frames of HTTP/2 that keep no rule, resets above all, to a real server beside an
// ordinary client. See HELP.
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { numberAboveZero, wholeNumber } from '../../../harness/number-option.js';
import { expelledCount, Fuzzer, playAlone, RoundFailure, type Tally } from './fuzzer.js';
import { Control, ControlledPatience } from './patience.js';
import type { Round } from './plan.js';

const HELP = `npm run fuzz -- [--seed N] [--minutes M] [--from R] [--rounds R] [--patience SECONDS] [--plain]
                [--case FILE] [--json]

Plays rounds of HTTP/2 frames that keep no rule to a real server, over plain TCP and TLS: calls and watches that are opened and
reset by the hundred, and everything else that may come in the same write. An ordinary client works meanwhile. A round fails
when a call of that client does, when the server ends or takes more than 600 MiB, keeps a connection that is gone, or does not
drain. Exit status 1 when one failed, or when hardly any connection was expelled, which is what this is to try.

  --seed     decides every byte and where the writes are cut; the machine decides the rest
  --minutes  how long (10)
  --from     the first round (0): with --rounds 1 a single one is played again
  --rounds   how many rounds at most
  --patience how long a call of the ordinary client may take, and a farewell (10); on a machine that has no time, 10 times as long as
             a call at the same time to a second server takes that nobody attacks, and a minute at most
  --plain    without TLS
  --case     plays the round of a file instead, as a failure leaves it
  --json     prints the summary as one JSON object

A failure names its seed and round, and leaves the round as a file. One that is mended stays: test/abuse/fuzz/cases.
`;
const MINUTES = 10;
const PATIENCE_SECONDS = 10;
const TELL_MS = 5_000;
const TELL_ON_TERMINAL_MS = 500;
const INTERRUPTED = 130;
/** A run that takes this long and expels fewer a minute tries something else than it is for. */
const JUDGED_MINUTES = 1;
const EXPELLED_PER_MINUTE_MIN = 5;

const { values } = parse();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const seed = numberOf('seed', Date.now() % 1_000_000_000);
const minutes = numberOf('minutes', MINUTES);
const from = numberOf('from', 0);
const roundsMax = numberOf('rounds', Number.MAX_SAFE_INTEGER);
const patienceMs = numberOf('patience', PATIENCE_SECONDS) * 1_000;
const startMs = performance.now();
const endMs = startMs + minutes * 60_000;
let toldMs = 0;
let isInterrupted = false;
const kept = values.case === undefined ? undefined : readCase(values.case);
const control = await Control.start();
const patience = new ControlledPatience(patienceMs, control.times);
const fuzzer = new Fuzzer({ seed, from, patience, isPlain: values.plain, goesOn });
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isInterrupted = true;
    void fuzzer.close();
  });
}
// A round may take long.
const telling = setInterval(() => tell(fuzzer.tally), TELL_MS);
try {
  process.exitCode = kept === undefined ? await fuzz() : await replay(kept);
} finally {
  clearInterval(telling);
  await control.close().catch((error: unknown) => {
    process.stderr.write(
      `the server that nobody attacks did not answer, so the machine has no time: ${String(error)}\n`,
    );
  });
}
process.exit();

function parse() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    seed: text,
    minutes: text,
    from: text,
    rounds: text,
    patience: text,
    plain: flag,
    case: text,
    json: flag,
    help: flag,
  };
  try {
    return parseArgs({ options });
  } catch (error) {
    return misused((error as Error).message);
  }
}

function numberOf(name: 'seed' | 'minutes' | 'from' | 'rounds' | 'patience', fallback: number): number {
  const text = values[name];
  if (text === undefined) return fallback;
  try {
    return name === 'minutes' ? numberAboveZero('--minutes', text) : wholeNumber(`--${name}`, text);
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

function misused(why: string): never {
  process.stderr.write(`${why}\n\n${HELP}`);
  process.exit(2);
}

function goesOn(tally: Tally): boolean {
  tell(tally);
  return !isInterrupted && tally.rounds < roundsMax && performance.now() < endMs;
}

/** Says on standard error how far it is: on a terminal in one line, elsewhere now and then. */
function tell(tally: Tally): void {
  const nowMs = performance.now();
  if (nowMs - toldMs < (process.stderr.isTTY ? TELL_ON_TERMINAL_MS : TELL_MS)) return;
  toldMs = nowMs;
  const seconds = Math.round((nowMs - startMs) / 1_000);
  const line = `${seconds} s of ${Math.round(minutes * 60)}: ${figures(tally)}`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

function figures(tally: Tally): string {
  const { rounds, calls, slowestMs, peakBytes } = tally;
  const ordinary = `${calls} ordinary calls, the slowest ${slowestMs.toFixed(0)} ms`;
  const beside = `(${control.times.slowestMs.toFixed(0)} ms beside, unattacked)`;
  return `${rounds} rounds, ${expelledCount(tally)} expelled, ${ordinary} ${beside}, ${mebibytes(peakBytes)} MiB at most`;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}

async function fuzz(): Promise<number> {
  let failure: unknown;
  await fuzzer.run().catch((error: unknown) => {
    failure = error;
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const isFound = failure !== undefined && !isInterrupted;
  const isBlunt = !isFound && !isInterrupted && isTooFew(fuzzer.tally);
  summarize(fuzzer.tally, isFound || isBlunt);
  if (isBlunt) process.stderr.write(`fewer than ${EXPELLED_PER_MINUTE_MIN} connections a minute were expelled\n`);
  if (isFound) report(failure);
  if (isInterrupted) return INTERRUPTED;
  return isFound || isBlunt ? 1 : 0;
}

function isTooFew(tally: Tally): boolean {
  const taken = (performance.now() - startMs) / 60_000;
  return taken >= JUDGED_MINUTES && expelledCount(tally) < EXPELLED_PER_MINUTE_MIN * taken;
}

function summarize(tally: Tally, isFailed: boolean): void {
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const causes = Object.fromEntries([...tally.expelled].sort(([, a], [, b]) => b - a));
  const { version } = process;
  if (values.json) {
    const { rounds, servers, calls, slowestMs, peakBytes } = tally;
    const facts = { seed, seconds, node: version, rounds, servers, expelled: expelledCount(tally), causes };
    console.log(JSON.stringify({ ok: !isFailed, ...facts, calls, slowestMs: Math.round(slowestMs), peakBytes }));
    return;
  }
  for (const [cause, count] of Object.entries(causes)) console.log(`  ${String(count).padStart(5)} ${cause}`);
  const outcome = isFailed ? 'FAILED' : 'ok';
  console.log(
    `fuzz ${outcome}: seed ${seed}, ${seconds} s on Node ${version}, ${tally.servers} servers: ${figures(tally)}`,
  );
}

/** Says what was found, and keeps the round. */
function report(failure: unknown): void {
  if (!(failure instanceof RoundFailure)) throw failure;
  const file = join(tmpdir(), `fuzz-${failure.seed}-${failure.number}.json`);
  writeFileSync(file, `${JSON.stringify(failure.round)}\n`);
  const again = `npm run fuzz -- --seed ${failure.seed} --from ${failure.number} --rounds 1${values.plain ? ' --plain' : ''}`;
  process.stderr.write(`${failure.message}\nagain: ${again}\nthe round: ${file}\n`);
}

/** The round of a file. */
function readCase(file: string): Round {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Round;
  } catch (error) {
    return misused(`--case ${file}: it must be a round as JSON: ${(error as Error).message}`);
  }
}

/** Plays a round that was kept. */
async function replay(round: Round): Promise<number> {
  try {
    await playAlone(round, patience);
    console.log(`fuzz ok: ${values.case} on Node ${process.version}`);
    return 0;
  } catch (error) {
    console.log(`fuzz FAILED: ${values.case} on Node ${process.version}: ${(error as Error).message}`);
    return 1;
  }
}
