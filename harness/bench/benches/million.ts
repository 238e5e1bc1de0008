import { WatchNetworkDeltaRequest } from '../../../gen/switchyard/v1/network_service.js';
import { SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import { LmdbJournal } from '../../../src/journal/storage/lmdb.js';
import { DEFAULT_REPLICA_LIMITS } from '../../../src/replica/limits.js';
import { countFromOne, numberVariable } from '../../number-option.js';
import { type Figure, figureOf } from '../figure.js';
import { fill } from '../parts/filled.js';
import { load, startLoad } from '../parts/h2load.js';
import type { Memory, Stalls, Started } from '../parts/process.js';
import { dataFolder, startProbedSwitchyard } from '../parts/servers.js';
import type { Curve } from './curve.js';

/** Sessions, and as many links. Fewer only to try the bench itself. */
const NODES = numberVariable('SWITCHYARD_BENCH_NODES', countFromOne) ?? 1_000_000;
/** Commands that are replayed: as many as a start replays at most. */
const REPLAYED = 2 * DEFAULT_REPLICA_LIMITS.snapshotEvery;
/** Calls that come and go while stalls are looked for: enough for a snapshot to be due in their midst. */
const CALLS = DEFAULT_REPLICA_LIMITS.snapshotEvery + 20_000;
/** Between two readings of the whole graph. */
const READ_EVERY_MS = 8_000;
const SESSION = '/switchyard.v1.SessionService/Session';
const WATCH = '/switchyard.v1.NetworkService/WatchNetworkDelta';

const request = SessionRequest.encode(
  SessionRequest.create({ instanceUuid: '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13', instanceType: 2, name: 'bench' }),
).finish();
const watch = WatchNetworkDeltaRequest.encode(WatchNetworkDeltaRequest.create()).finish();

/** What one start took. */
interface Start {
  readonly tookMs: number;
  /** Of CPU, which says something also while others use the machine. */
  readonly cpuSeconds: number;
  readonly memory: Memory;
}

/** Starts the server, times it until it listens, looks at its memory, and ends it. */
async function start(folder: string): Promise<Start> {
  const startMs = performance.now();
  const server = await startProbedSwitchyard(folder);
  const tookMs = performance.now() - startMs;
  const cpuSeconds = server.cpuSeconds();
  const memory = await server.ask('memory');
  await server.stop();
  return { tookMs, cpuSeconds, memory };
}

async function starts(folder: string, rounds: number): Promise<Start[]> {
  const taken: Start[] = [];
  for (let round = 0; round < rounds; round++) taken.push(await start(folder));
  return taken;
}

/** Two watchers read the whole graph from the beginning, again and again until they are stopped. */
function readAgainAndAgain(server: Started): { stop(): void } {
  const read = () => startLoad({ port: server.port, path: WATCH, message: watch, calls: 2, connections: 2, atOnce: 1 });
  let reading = read();
  const timer = setInterval(() => {
    reading.kill('SIGKILL');
    reading = read();
  }, READ_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      reading.kill('SIGKILL');
    },
  };
}

/**
 * How late the event loop comes while sessions come and go as fast as the server takes them, two watchers read the whole
 * graph, and the journal's snapshot is written.
 */
async function stallsOf(folder: string): Promise<Stalls> {
  const before = await snapshotsIn(folder);
  const server = await startProbedSwitchyard(folder);
  try {
    const calling = { port: server.port, path: SESSION, message: request, connections: 4, atOnce: 8 };
    await load({ ...calling, calls: 5_000 });
    await server.ask('beginStalls');
    const reading = readAgainAndAgain(server);
    await load({ ...calling, calls: CALLS });
    reading.stop();
    await server.quiet();
    const stalls = await server.ask('endStalls');
    await server.stop();
    if ((await snapshotsIn(folder)) === before) throw new Error('no snapshot was written meanwhile');
    return stalls;
  } finally {
    await server.stop();
  }
}

/** The newest snapshot of a journal that nobody else has open. */
async function snapshotsIn(folder: string): Promise<number | undefined> {
  const journal = await LmdbJournal.open(folder);
  try {
    return journal.snapshots().at(-1);
  } finally {
    await journal.close();
  }
}

/**
 * A million sessions and a million links in the whole server, from a folder that its own replica has filled: what they
 * take, how fast they are there again after a start, and whether they ever stop the event loop.
 */
export async function benchMillion(rounds: number, progress: (line: string) => void): Promise<(Figure | Curve)[]> {
  const [data, replayed, none] = [dataFolder(), dataFolder(), dataFolder()];
  const told = (what: string, taken: readonly Start[]) => {
    const text = taken.map(({ tookMs, memory }) => `${(tookMs / 1_000).toFixed(2)} s ${memory.heldBytes >> 20} MiB`);
    progress(`${what}: ${text.join(', ')}`);
    return taken;
  };
  try {
    const empty = told('an empty server starts', await starts(none.path, rounds));
    await fill(replayed.path, `sessions=${REPLAYED}`);
    const opened = told('replays sessions', await starts(replayed.path, rounds));
    await fill(replayed.path, 'snapshot');
    const few = told('reads them from a snapshot', await starts(replayed.path, rounds));
    // Both ends report a link.
    await fill(replayed.path, `links=${REPLAYED / 2}`);
    const linked = told('and replays reports of links', await starts(replayed.path, rounds));
    await fill(data.path, `sessions=${NODES}`, 'snapshot');
    const sessions = told('reads a million sessions from a snapshot', await starts(data.path, rounds));
    await fill(data.path, `links=${NODES}`, 'snapshot');
    const links = told('and a million links', await starts(data.path, rounds));
    const stalls = await stallsOf(data.path);
    return [
      ...memory(empty, sessions, links),
      figureOf(
        { bench: 'million', what: 'start from a snapshot of 1 M sessions', unit: 's', goal: '<= 4' },
        sessions.map(({ tookMs }) => tookMs / 1_000),
      ),
      figureOf(
        { bench: 'million', what: 'start from a snapshot of 1 M sessions', unit: 's of CPU' },
        sessions.map(({ cpuSeconds }) => cpuSeconds),
      ),
      figureOf(
        { bench: 'million', what: 'start from a snapshot of 1 M sessions and 1 M links', unit: 's' },
        links.map(({ tookMs }) => tookMs / 1_000),
      ),
      ...replay(empty, opened, few, linked),
      ...stallFigures(stalls),
    ];
  } finally {
    for (const folder of [data, replayed, none]) folder.remove();
  }
}

function memory(empty: readonly Start[], sessions: readonly Start[], links: readonly Start[]): Figure[] {
  const held = (taken: readonly Start[], at: number) => taken[at].memory.heldBytes;
  const resident = (taken: readonly Start[], at: number) => taken[at].memory.residentBytes;
  const about = { bench: 'million', unit: 'B' };
  return [
    figureOf(
      { ...about, what: 'memory of a session, all included', goal: '<= 600' },
      sessions.map((_, at) => (held(sessions, at) - held(empty, at)) / NODES),
    ),
    figureOf(
      { ...about, what: 'memory of a link, all included', goal: '<= 32' },
      sessions.map((_, at) => (held(links, at) - held(sessions, at)) / NODES),
    ),
    figureOf(
      { ...about, what: 'resident memory of a session with a link' },
      sessions.map((_, at) => (resident(links, at) - resident(empty, at)) / NODES),
    ),
  ];
}

/** What a start takes longer for the commands that it replays. */
function replay(
  empty: readonly Start[],
  opened: readonly Start[],
  few: readonly Start[],
  linked: readonly Start[],
): Figure[] {
  const cases = [
    { what: 'journal replay, sessions opened', commands: REPLAYED, taken: opened, less: empty },
    { what: 'journal replay, links reported', commands: REPLAYED, taken: linked, less: few },
  ];
  return cases.flatMap(({ what, commands, taken, less }) => {
    const perSecond = taken.map(({ tookMs }, at) => (commands * 1_000) / (tookMs - less[at].tookMs));
    const perCpuSecond = taken.map(({ cpuSeconds }, at) => commands / (cpuSeconds - less[at].cpuSeconds));
    return [
      figureOf({ bench: 'million', what, unit: 'commands/s', goal: '>= 200000' }, perSecond),
      figureOf({ bench: 'million', what, unit: 'commands/CPU second' }, perCpuSecond),
    ];
  });
}

function stallFigures(stalls: Stalls): (Figure | Curve)[] {
  const what = 'event loop at 1 M nodes and 1 M links';
  const at = (wanted: number) => stalls.find(([percent]) => percent === wanted)![1];
  return [
    { bench: 'million', what: `${what}, p99.9`, unit: 'ms', value: at(99.9), goal: '<= 15' },
    { bench: 'million', what: `${what}, longest`, unit: 'ms', value: at(100) },
    {
      bench: 'million',
      what,
      x: 'percentile of the turns',
      y: 'lateness, ms',
      xScale: 'percentile',
      yScale: 'log',
      series: [{ name: 'sessions come and go, snapshots are read and written', points: stalls }],
    },
  ];
}
