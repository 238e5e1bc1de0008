import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { benchStorm } from '../faults/storm.js';
import { numberAboveZero, wholeNumber } from '../number-option.js';
import { benchCapacity } from './benches/capacity.js';
import { benchCluster } from './benches/cluster.js';
import { benchCommands } from './benches/commands.js';
import type { Curve } from './benches/curve.js';
import { benchDirect } from './benches/direct.js';
import { benchEcho } from './benches/echo.js';
import { benchBrokers, benchFanout } from './benches/fanout.js';
import { benchFlood } from './benches/flood.js';
import { benchIdle } from './benches/idle.js';
import { benchLatency } from './benches/latency.js';
import { benchLists } from './benches/lists.js';
import { benchMetrics } from './benches/metrics.js';
import { benchMillion } from './benches/million.js';
import { benchNetworks } from './benches/networks.js';
import { benchPath } from './benches/path.js';
import { benchProofs } from './benches/proofs.js';
import { benchProven } from './benches/proven.js';
import { benchRelay } from './benches/relay.js';
import { benchSession } from './benches/session.js';
import { benchSimulation } from './benches/simulation.js';
import { benchStopped } from './benches/stopped.js';
import { benchSystem } from './benches/system.js';
import { benchConsole } from './console/console.js';
import { isMet } from './figure.js';
import { machine, othersPercent } from './machine.js';
import { benchFanoutCurve } from './parts/fanout-curve.js';
import { benchConnect } from './paths/connect.js';
import { benchCopies } from './paths/copies.js';
import { benchRelayed } from './paths/relayed.js';
import { type Part, type Result, saveResults } from './results.js';
import { installRivals } from './rivals/install.js';

/** The longest that a timer of Node can wait. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Enough to see what a server does to those who come back, and few enough for two cores to play them all. */
const STORM = { sessions: 2_000, connections: 100 };

/** A bench: so many rounds, each ours and the rival's after each other. */
interface Bench {
  run(rounds: number, progress: (line: string) => void, kinds?: readonly string[]): Promise<Result[]>;
  /** How many rounds, unless somebody says. */
  readonly rounds: number;
  readonly about: string;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  session: { run: benchSession, rounds: 5, about: 'Session calls, durable, beside bare grpc-js and etcd' },
  proven: {
    run: (rounds, progress) => benchProven(rounds, progress),
    rounds: 5,
    about: 'Challenge and Session with a proof beside Session without: CPU of the main thread and in all',
  },
  cluster: { run: benchCluster, rounds: 2, about: 'three and five servers beside one: CPU a call, times, failovers' },
  metrics: { run: benchMetrics, rounds: 40, about: 'Session calls with metrics beside the same without, for 90 s' },
  console: { run: benchConsole, rounds: 1, about: 'the console in Chromium with 2,000 and 20,000 nodes beside sigma' },
  capacity: { run: benchCapacity, rounds: 1, about: 'what 1,000 instances take of a server, attached and not' },
  commands: {
    run: benchCommands,
    rounds: 3,
    about: "the README's six commands in empty homes, from the packed package to an ssh through NATs",
  },
  fanout: { run: benchFanout, rounds: 3, about: 'CPU for each delivered change, beside bare grpc-js' },
  brokers: { run: benchBrokers, rounds: 3, about: 'the same beside etcd and nats-server' },
  latency: { run: benchLatency, rounds: 3, about: 'time from a change to its watchers, beside bare grpc-js' },
  million: { run: benchMillion, rounds: 2, about: 'memory, starts and stalls with a million sessions and links' },
  lists: { run: benchLists, rounds: 3, about: 'time to the first of a million rows of a list, and the memory for it' },
  idle: { run: benchIdle, rounds: 2, about: '10,000 idle watchers beside bare grpc-js, and their return at once' },
  path: { run: benchPath, rounds: 2, about: 'shortest paths over a million nodes beside graphology' },
  flood: { run: benchFlood, rounds: 3, about: 'what a client sees while another address floods the server' },
  stopped: { run: benchStopped, rounds: 2, about: 'what a watcher costs that does not read' },
  curve: { run: benchFanoutCurve, rounds: 1, about: 'CPU for each delivered change against the number of watchers' },
  storm: { run: storm, rounds: 1, about: '2,000 sessions come back at once after a restart, as in npm run faults' },
  proofs: {
    run: benchProofs,
    rounds: 1,
    about: 'sessions with proofs come back at once: 50,000 over 500 TLS connections, 5,000 with one each',
  },
  networks: {
    run: (rounds, progress) => benchNetworks(rounds, progress),
    rounds: 3,
    about: '200 idle networks beside one: memory of each, start, CPU at rest',
  },
  simulation: { run: benchSimulation, rounds: 1, about: 'how fast worlds are simulated, and the mutations found' },
  system: { run: benchSystem, rounds: 3, about: 'system events beside gRPC' },
  echo: {
    run: benchEcho,
    rounds: 3,
    about: 'a keystroke and its echo through the server, with and without a bulk copy',
  },
  relay: { run: benchRelay, rounds: 5, about: 'a copy through the server beside a bare relay of grpc-js' },
  relayed: {
    run: (rounds, progress) => benchRelayed(rounds, progress),
    rounds: 3,
    about: 'what 1,000 relayed connections at rest take, and whether 100 copies at once carry as much as one',
  },
  connect: {
    run: benchConnect,
    rounds: 3,
    about: 'the first byte and the direct path of new connections behind NATs, beside plain dials',
  },
  copies: {
    run: benchCopies,
    rounds: 5,
    about: 'copies over each kind of path beside TLS of Node, ssh -J, bare dgram and plain TCP far away',
  },
  direct: {
    run: benchDirect,
    rounds: 1,
    about: 'time to connect behind NATs, and throughput of direct and relayed paths',
  },
};

/** Benches that are run together by one name. */
const GROUPS: Readonly<Record<string, { readonly names: readonly string[]; readonly about: string }>> = {
  paths: {
    names: ['session', 'connect', 'copies', 'relay', 'echo', 'relayed', 'million'],
    about: 'what a connection takes to be usable, what it carries, and what calls and starts cost',
  },
};

async function storm(rounds: number, progress: (line: string) => void): Promise<Result[]> {
  const undo = new Set<() => unknown>();
  return (await benchStorm({ ...STORM, rounds, built: true, progress, undo })).results;
}

const HELP = `npm run bench -- [NAME...] [--rounds N] [--minutes M] [--kinds TEXT]... [--output FILE]

Each figure beside its rival's, in alternating rounds of one run; the ratio is the median of the rounds' own, larger is
better, and behind it are the least and the greatest. A bench that fails, for want of a rival say, does not stop the rest.
Needs h2load (nghttp2-client), etcd (etcd-server) and nats-server, all packages of Debian; as root there, it installs them.

  NAME      all of them by default:
${Object.entries(BENCHES)
  .map(([name, { about, rounds }]) => `            ${name.padEnd(10)} ${about} (${rounds})`)
  .join('\n')}
            or several by one name:
${Object.entries(GROUPS)
  .map(
    ([name, { about, names }]) => `            ${name.padEnd(10)} ${about}:\n                       ${names.join(' ')}`,
  )
  .join('\n')}
  --rounds  how many rounds (the number behind each)
  --minutes when to stop: what is running then has failed, and what has not begun is left as it was
  --kinds   of the bench flood, only kinds whose names have this in them: --kinds GetNode --kinds '20 connections'
  --output  a JSON file that the results go into, bench by bench; those of benches that are not run stay in it.
            npm run bench:report makes docs/performance.md of docs/performance/results.json
`;

function cellsOf(result: Exclude<Result, Curve>): string[] {
  const goalOf = (goal: string | undefined, met: boolean | undefined) =>
    goal === undefined ? '' : `goal ${goal} ${met ? 'met' : 'missed'}`;
  if ('value' in result) {
    const { what, value, unit, goal, spread } = result;
    const between = spread === undefined ? '' : `(${spread.map((one) => one.toPrecision(3)).join('–')})`;
    return [what, `${value.toPrecision(4)} ${unit}`, '', between, goalOf(goal, isMet(result))];
  }
  const { what, ours, unit, rivalName, rival, ratio, spread, goal } = result;
  const between = spread.map((one) => one.toFixed(2)).join('–');
  const verdict = goalOf(
    goal === undefined ? undefined : `× ${Number(goal.toFixed(2))}`,
    goal !== undefined && ratio >= goal,
  );
  const compared = `${rivalName} ${rival.toPrecision(4)}`;
  return [what, `${ours.toPrecision(4)} ${unit}`, compared, `× ${ratio.toFixed(2)} (${between})`, verdict];
}

function table(results: readonly Result[]): string {
  const lines = results.flatMap((result) => ('series' in result ? [] : [cellsOf(result)]));
  const widths = [0, 1, 2, 3, 4].map((at) => Math.max(...lines.map((line) => line[at].length)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Runs one bench. It answers also when the bench fails, and when time is up before it has ended. */
async function runPart(bench: string, rounds: number): Promise<Part> {
  const others = await othersPercent();
  if (others > 0) console.error(`${bench}: others use ${others} % of the machine`);
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim();
  const about = { bench, command, at: new Date().toISOString(), machine: machine(), rounds, othersPercent: others };
  const startMs = performance.now();
  const tookSeconds = () => Math.round((performance.now() - startMs) / 1_000);
  try {
    const running = BENCHES[bench].run(rounds, (line) => console.error(`${bench}: ${line}`), values.kinds);
    const results = await Promise.race([running, timeIsUp()]);
    return { ...about, tookSeconds: tookSeconds(), results };
  } catch (error) {
    console.error(`${bench}:`, error);
    const failed = error instanceof Error ? error.message : String(error);
    return { ...about, tookSeconds: tookSeconds(), results: [], failed };
  }
}

async function timeIsUp(): Promise<never> {
  await sleep(Math.min(endMs - performance.now(), TIMER_MS_MAX), undefined, { ref: false });
  throw new Error('time was up before it had ended');
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    minutes: { type: 'string' },
    kinds: { type: 'string', multiple: true },
    output: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const wanted = positionals.flatMap((name) => GROUPS[name]?.names ?? [name]);
const unknown = wanted.filter((name) => BENCHES[name] === undefined);
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no bench ${unknown.join(', ')}\n`);
  console.log(HELP);
  process.exit(unknown.length > 0 ? 2 : 0);
}
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : numberOf('minutes', values.minutes);
const rounds = values.rounds === undefined ? undefined : numberOf('rounds', values.rounds);
console.error(machine());
await installRivals((line) => console.error(line));
const endMs = performance.now() + minutes * 60_000;
const parts: Part[] = [];
for (const name of wanted.length > 0 ? wanted : Object.keys(BENCHES)) {
  if (performance.now() > endMs) {
    console.error(`${name}: not run, time is up`);
    continue;
  }
  const part = await runPart(name, rounds ?? BENCHES[name].rounds);
  parts.push(part);
  if (values.output !== undefined) saveResults(values.output, part);
}
console.log(table(parts.flatMap(({ results }) => results)));
for (const { bench, failed } of parts) if (failed !== undefined) console.log(`${bench} failed: ${failed}`);
// What a bench has left running ends with this process.
process.exit(parts.some(({ failed }) => failed !== undefined) ? 1 : 0);

function numberOf(name: 'minutes' | 'rounds', text: string): number {
  try {
    return name === 'minutes' ? numberAboveZero('--minutes', text) : wholeNumber('--rounds', text, 1);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}
