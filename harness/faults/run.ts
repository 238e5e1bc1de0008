// `npm run faults -- [NAME...] [--rounds N] [--seed S]`: a real server, real clients, and what goes wrong with real ones,
// judged by the checks of the simulation. See HELP.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Figure } from '../bench/figure.js';
import { machine, othersPercent } from '../bench/machine.js';
import { saveResults } from '../bench/results.js';
import { hasEnded } from '../has-ended.js';
import { wholeNumber } from '../number-option.js';
import { clock } from './clock.js';
import { STRIKE_LINES, strikeCluster, unknownStrikes } from './cluster/run.js';
import type { Fault } from './fault.js';
import { full } from './full.js';
import { kill } from './kill.js';
import { loss } from './loss.js';
import { outcomeOf } from './outcome.js';
import type { Bucket } from './returning.js';
import { stop } from './stop.js';
import { benchStorm } from './storm.js';
import { Trial } from './trial.js';
import { Wire } from './wire.js';

const FAULTS: readonly Fault[] = [kill, stop, full, clock, loss];
const STORM = 'storm';
const CLUSTER = 'cluster';
/** How often each strike hits a cluster. */
const CLUSTER_ROUNDS = 5;
const ROUNDS = 25;
const STORM_ROUNDS = 3;
const SESSIONS = 2_000;
const CONNECTIONS = 100;
const TTL_MAX = '10s';
const INTERRUPTED = 130;
const TELL_MS = 30_000;
const CHART_LINES = 30;
const CHART_COLUMNS = 40;
/** A network is ended and another one begun after so many rounds: reading all of it takes longer each time. */
const ROUNDS_OF_ONE_NETWORK = 25;

const HELP = `npm run faults -- [NAME...] [--rounds N] [--seed S] [--output FILE]
npm run faults -- cluster [STRIKE...] [--rounds N] [--seed S] [--json]

A real server process and real clients at work over the network, while things go wrong. Everything that a client is told
is held against the journal, by the checks of the simulation. Exit status 1 when something was found, or nothing could be checked;
130 when it was interrupted.

${FAULTS.map(({ name, about }) => `  ${name.padEnd(9)} ${about}`).join('\n')}
  ${STORM.padEnd(9)} 2,000 sessions come back at once after a restart; how soon, and what it costs the server

  cluster   three servers over three members of etcd, in network namespaces (Linux, by root), and what goes wrong there:
${STRIKE_LINES.join('\n')}

  NAME           which of them; all but the cluster by default
  --rounds       how often each happens (${ROUNDS}; the storm ${STORM_ROUNDS}; the cluster ${CLUSTER_ROUNDS})
  --seed         decides what clients do and when things happen; the machine decides the rest
  --sessions     how many sessions come back in the storm (${SESSIONS})
  --connections  over how many connections (${CONNECTIONS})
  --json         of the cluster: the figures and what was found as one line of JSON
  --output       a JSON file that the figures and curves of the storm go into, beside those of harness/bench
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    sessions: { type: 'string' },
    connections: { type: 'string' },
    output: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
const names = [...FAULTS.map(({ name }) => name), STORM];
const isCluster = positionals[0] === CLUSTER;
const unknown = isCluster ? unknownStrikes(positionals.slice(1)) : positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) misused(`there is no fault ${unknown.join(', ')}`);
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const built = existsSync(fileURLToPath(new URL('../../dist/src/main.js', import.meta.url)));
const rounds = numberOf('rounds', isCluster ? CLUSTER_ROUNDS : ROUNDS);
const seed = numberOf('seed', Date.now() % 1_000_000_000);
const sessions = numberOf('sessions', SESSIONS);
const connections = numberOf('connections', CONNECTIONS);
/** What has to be taken back when somebody does not want to wait. */
const undo = new Set<() => unknown>();
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isInterrupted = true;
    void Promise.allSettled([...undo].map(async (one) => one())).then(() => process.exit(INTERRUPTED));
  });
}

let toldMs = Number.NEGATIVE_INFINITY;
let failed = false;
/** Whether something was checked at all. */
let isChecked = false;
if (isCluster) {
  const strikes = positionals.slice(1);
  const passed = await strikeCluster({ strikes, rounds, seed, built, isJson: values.json ?? false, progress, undo });
  process.exit(passed ? 0 : 1);
}
for (const name of positionals.length > 0 ? positionals : names) {
  const fault = FAULTS.find((one) => one.name === name);
  const passed = fault === undefined ? await storm() : await suffer(fault);
  if (isInterrupted) break;
  failed ||= passed === false;
  isChecked ||= passed !== undefined;
}
// What has to be taken back is under way, and ends the process.
if (isInterrupted) await new Promise(() => {});
if (!isChecked) console.log('nothing was shown: nothing could be checked');
process.exit(failed || !isChecked ? 1 : 0);

function numberOf(name: 'rounds' | 'seed' | 'sessions' | 'connections', fallback: number): number {
  try {
    const text = values[name];
    return text === undefined ? fallback : wholeNumber(`--${name}`, text, name === 'seed' ? 0 : 1);
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

function misused(why: string): never {
  console.error(`${why}\n\n${HELP}`);
  process.exit(2);
}

/** Lets one fault happen so often, to one network after the other. False: something was found; undefined: it cannot happen here. */
async function suffer(fault: Fault): Promise<boolean | undefined> {
  const lacks = fault.lacks();
  if (lacks !== undefined) {
    console.log(`${fault.name}: not checked: ${lacks}`);
    return undefined;
  }
  if (fault === loss && Wire.ofThisProcess() === undefined) return onWire(fault);
  for (let done = 0; done < rounds; done += ROUNDS_OF_ONE_NETWORK) {
    const until = Math.min(rounds, done + ROUNDS_OF_ONE_NETWORK);
    if (!(await network(fault, done, until))) return false;
  }
  return true;
}

async function network(fault: Fault, from: number, to: number): Promise<boolean> {
  const ground = fault.prepare();
  let trial: Trial | undefined;
  let kept: string | undefined;
  let strikes = 0;
  const close = async () => {
    kept = await trial?.close();
    ground.remove();
  };
  const interrupt = async () => {
    // What is found once the server is taken away says nothing of it.
    const { violation } = trial?.fleet.verdict ?? {};
    const found = violation === undefined ? [] : [`${violation.check}: ${violation.text}`];
    console.log(`${fault.name}: ${outcomeOf({ strikes, found, isInterrupted: true }).words}`);
    await close();
  };
  undo.add(interrupt);
  try {
    trial = await Trial.begin({ seed: seed + from, built, ttlMax: TTL_MAX, ...ground.options });
    const { verdict } = trial.fleet;
    for (let round = from; round < to && verdict.violation === undefined && !isInterrupted; round++) {
      await trial.suffer(fault, true);
      strikes += 1;
      progress(`${fault.name}: ${round + 1} of ${rounds}`);
    }
    if (verdict.violation === undefined && !isInterrupted) await trial.comeToRest();
  } finally {
    if (!isInterrupted) {
      undo.delete(interrupt);
      await close();
    }
  }
  if (isInterrupted) return false;
  const { verdict, truth, outcomes, notes } = trial.fleet;
  const { violation } = verdict;
  const done = `${to - from} rounds, seed ${seed + from}: ${truth.last} commands, ${outcomes.get('ok')} calls answered`;
  console.log(`${fault.name}: ${violation === undefined ? `kept its word: ${done}` : 'FAILED'}`);
  if (violation === undefined) return true;
  console.log(`${notes.join('\n')}\n${violation.check}: ${violation.text}`);
  console.log(`${done}. The data folder is kept: ${kept}`);
  return false;
}

/** The clients have to be at the other end of a wire: this program once more, there. */
async function onWire({ name }: Fault): Promise<boolean> {
  const wire = Wire.make();
  let child: ChildProcess | undefined;
  const remove = async () => {
    const exited = child && !hasEnded(child) && once(child, 'exit');
    child?.kill('SIGINT');
    await exited;
    wire.remove();
  };
  undo.add(remove);
  try {
    const [command, ...prefix] = wire.atClients;
    const args = [...prefix, process.execPath, ...process.execArgv, process.argv[1], name];
    child = spawn(command, [...args, '--rounds', String(rounds), '--seed', String(seed)], {
      env: { ...process.env, ...wire.env },
      stdio: 'inherit',
    });
    const [status] = (await once(child, 'exit')) as [number | null];
    return status === 0;
  } finally {
    undo.delete(remove);
    await remove();
  }
}

async function storm(): Promise<boolean> {
  // An error is made for every call that finds no server, and nobody looks at where.
  Error.stackTraceLimit = 0;
  const rounds = numberOf('rounds', STORM_ROUNDS);
  const others = await othersPercent();
  const command = `npm run faults -- ${process.argv.slice(2).join(' ')}`.trim();
  const about = {
    bench: STORM,
    command,
    at: new Date().toISOString(),
    machine: machine(),
    rounds,
    othersPercent: others,
  };
  const startMs = performance.now();
  const { results, storms } = await benchStorm({ sessions, connections, rounds, built, progress, undo });
  const tookSeconds = Math.round((performance.now() - startMs) / 1_000);
  if (values.output !== undefined) saveResults(values.output, { ...about, tookSeconds, results });
  console.log(`${about.machine}; others used ${others} % of it`);
  for (const result of results) if ('value' in result) console.log(lineOf(result));
  for (const { way, buckets } of storms.slice(0, 2)) console.log(`\n${way}\n${chart(buckets)}`);
  return storms.every(({ lost, refused }) => lost + refused === 0);
}

function lineOf({ what, value, unit, spread }: Figure): string {
  const between = spread === undefined ? '' : ` (${spread.map((one) => one.toPrecision(3)).join('–')})`;
  return `${what}: ${value.toPrecision(4)} ${unit}${between}`;
}

/** Who is back, in so many lines. */
function chart(buckets: readonly Bucket[]): string {
  const most = Math.max(...buckets.map(({ attached }) => attached));
  const step = Math.ceil(buckets.length / CHART_LINES);
  const lines: string[] = [];
  for (let at = 0; at < buckets.length; at += step) {
    const some = buckets.slice(at, at + step);
    const sum = (name: 'begun' | 'taken' | 'refused') => some.reduce((total, bucket) => total + bucket[name], 0);
    const { attached } = some.at(-1)!;
    const bar = '#'.repeat(Math.round((attached / most) * CHART_COLUMNS)).padEnd(CHART_COLUMNS);
    const calls = `${sum('begun')} begun, ${sum('taken')} taken, ${sum('refused')} refused`;
    lines.push(`${String(some[0].ms).padStart(6)} ms |${bar}| ${attached} attached, ${calls}`);
  }
  return lines.join('\n');
}

/** One line that is written over by the next, for people who wait; for a file only now and then one. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}\r`);
  else if (performance.now() - toldMs > TELL_MS) {
    toldMs = performance.now();
    console.error(line);
  }
}
