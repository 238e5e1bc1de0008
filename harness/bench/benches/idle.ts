import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WatchNetworkDeltaRequest } from '../../../gen/switchyard/v1/network_service.js';
import { hasEnded } from '../../has-ended.js';
import { type Figure, figureOf } from '../figure.js';
import { startLoad } from '../parts/h2load.js';
import type { Memory, Stalls, Started } from '../parts/process.js';
import { startProbedBare, startProbedSwitchyard } from '../parts/servers.js';
import { type Row, rowOf } from '../row.js';
import type { Curve } from './curve.js';

const WATCHERS = 10_000;
/** How long they may take to be there, and how many have to: Linux lets some wait for a minute whose turn it missed. */
const ARRIVAL_MS = 30_000;
const ARRIVED_MIN = 0.98 * WATCHERS;
const MIB = 1_048_576;
const watch = WatchNetworkDeltaRequest.encode(WatchNetworkDeltaRequest.create()).finish();

/** 1,000 connections a second: nobody has to wait, so that what is measured then is rest. */
const CALM = 100;
/**
 * 10,000 connections in two seconds. More at a time than Linux queues for a server of Node (511) it drops, and their
 * clients would try again after 1, 3, 7, … seconds, which stretches the storm instead of making it harder.
 */
const AT_ONCE = 500;

/** One watcher on a connection of its own, ten thousand times, from one process that reads nothing more. */
function startWatching(port: number, connectionsPer100Ms: number): ChildProcess {
  const path = '/switchyard.v1.NetworkService/WatchNetworkDelta';
  const all = { calls: WATCHERS, connections: WATCHERS, atOnce: 1 };
  return startLoad({ port, path, message: watch, ...all, connectionsPer100Ms });
}

/** Resolves when they are connected and the server has nothing left to do. */
async function arrival(server: Started, watching: ChildProcess): Promise<void> {
  const untilMs = performance.now() + ARRIVAL_MS;
  while (server.openFiles() < WATCHERS && performance.now() < untilMs) {
    if (hasEnded(watching)) throw new Error('h2load could not hold so many connections');
    await sleep(50);
  }
  if (server.openFiles() < ARRIVED_MIN) throw new Error(`only ${server.openFiles()} of ${WATCHERS} came in time`);
  await server.quiet();
}

async function leave(watching: ChildProcess): Promise<void> {
  if (hasEnded(watching)) return;
  const exited = once(watching, 'exit');
  watching.kill('SIGKILL');
  await exited;
}

interface Measured {
  readonly empty: Memory;
  readonly full: Memory;
  readonly stalls: Stalls;
}

/** Memory without and with all watchers; then all of them lose their connections and come again at once. */
async function measure(start: () => Promise<Started>): Promise<Measured> {
  const server = await start();
  try {
    const empty = await server.ask('memory');
    const first = startWatching(server.port, CALM);
    await arrival(server, first);
    const full = await server.ask('memory');
    await server.ask('beginStalls');
    await leave(first);
    const again = startWatching(server.port, AT_ONCE);
    await sleep(500);
    await arrival(server, again);
    const stalls = await server.ask('endStalls');
    await leave(again);
    return { empty, full, stalls };
  } finally {
    await server.stop();
  }
}

const at = (stalls: Stalls, wanted: number): number => stalls.find(([percent]) => percent === wanted)![1];

/** 10,000 watchers, one idle connection each: what they take, and what becomes of the loop when all come back at once. */
export async function benchIdle(rounds: number, progress: (line: string) => void): Promise<(Row | Figure | Curve)[]> {
  const taken: { ours: Measured; rival: Measured }[] = [];
  for (let round = 0; round < rounds; round++) {
    const ours = await measure(() => startProbedSwitchyard(':memory:', '--connections-max', String(2 * WATCHERS)));
    const rival = await measure(startProbedBare);
    taken.push({ ours, rival });
    const said = ({ full, stalls }: Measured) =>
      `${(full.residentBytes / MIB).toFixed(0)} MiB, p99.9 ${at(stalls, 99.9).toFixed(1)} ms, at most ${at(stalls, 100).toFixed(1)} ms`;
    progress(`round ${round + 1} of ${rounds}: ${said(ours)}; bare grpc-js ${said(rival)}`);
  }
  const rows = (what: string, value: (one: Measured) => number, goal?: number): Row =>
    rowOf(
      { bench: 'idle', what: `10,000 idle watchers, ${what}`, rivalName: 'bare grpc-js', unit: 'MiB', goal },
      taken.map(({ ours, rival }) => ({ ours: value(ours) / MIB, rival: value(rival) / MIB })),
      true,
    );
  // At most 1.15 of the rival's: a ratio the other way round, as in all rows.
  const goal = 1 / 1.15;
  const stalls = taken.map(({ ours }) => ours.stalls);
  const what = '10,000 watchers reconnect at once, event loop';
  return [
    rows('resident memory', ({ full }) => full.residentBytes, goal),
    rows('heap and buffers', ({ full }) => full.heldBytes, goal),
    rows('heap and buffers of the watchers alone', ({ full, empty }) => full.heldBytes - empty.heldBytes),
    figureOf(
      { bench: 'idle', what: `${what}, p99.9`, unit: 'ms', goal: '<= 20' },
      stalls.map((one) => at(one, 99.9)),
    ),
    figureOf(
      { bench: 'idle', what: `${what}, longest`, unit: 'ms' },
      stalls.map((one) => at(one, 100)),
    ),
    {
      bench: 'idle',
      what,
      x: 'percentile of the turns',
      y: 'lateness, ms',
      xScale: 'percentile',
      yScale: 'log',
      series: [
        { name: 'Switchyard', points: stalls[0] },
        { name: 'bare grpc-js', points: taken[0].rival.stalls },
      ],
    },
  ];
}
