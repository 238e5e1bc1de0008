import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Instance, Switchyard } from '../../src/client/index.js';
import { systemRandom } from '../../src/client/system.js';
import type { Curve } from '../bench/benches/curve.js';
import { type Figure, figureOf } from '../bench/figure.js';
import { HeardChannel } from './channel.js';
import { busiestSecond, dueMs, type Way } from './due.js';
import { BUCKET_MS, type Bucket, Returning } from './returning.js';
import { ServerProcess, type Stalls } from './server.js';

/** They join so many at a time. */
const JOINING_MAX = 100;
const LOOK_MS = 20;
const X = 'since the server went, ms';
/** How long the last may take to come back: some waits of a client. */
const PATIENCE_MS = 120_000;
const WAYS: Readonly<Record<Way, string>> = { kill: 'SIGKILL', drain: 'a drain' };
/** What an instance is granted that does not ask. */
const TTL_MS = 30_000;

/** What a storm is made with. */
export interface StormOptions {
  readonly sessions: number;
  /** Over so many connections: with one for each session the CPU time of so many clients is what is measured. */
  readonly connections: number;
  readonly rounds: number;
  readonly built: boolean;
  progress(line: string): void;
  /** What has to be taken back when somebody interrupts. */
  readonly undo: Set<() => unknown>;
}

/** What came of one. */
export interface Storm {
  readonly way: Way;
  readonly sessions: number;
  readonly buckets: readonly Bucket[];
  /** When the next server listened, since the one before went. */
  readonly listeningMs: number;
  /** When the last session was back, since then. */
  readonly backMs: number;
  readonly lost: number;
  readonly refused: number;
  /** CPU time of the server from when it listened until everybody was back. */
  readonly cpuSeconds: number;
  /** How late its event loop was meanwhile. */
  readonly stalls: Stalls;
}

/** Storms after a kill and after a drain, so many rounds, as figures and as curves of the first round. */
export async function benchStorm(options: StormOptions): Promise<{ results: (Figure | Curve)[]; storms: Storm[] }> {
  const storms: Storm[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const way of ['kill', 'drain'] as const) {
      storms.push(await raiseStorm(way, options));
      options.progress(`storm: ${round + 1} of ${options.rounds}, after ${WAYS[way]}`);
    }
  }
  const results = (['kill', 'drain'] as const).flatMap((way) => resultsOf(storms.filter((storm) => storm.way === way)));
  return { results, storms };
}

/** Brings a fleet up, takes its server away, starts another at once and looks on until everybody is back. */
export async function raiseStorm(way: Way, options: Omit<StormOptions, 'rounds'>): Promise<Storm> {
  const { sessions, connections, built, undo } = options;
  const data = mkdtempSync(join(tmpdir(), 'switchyard-storm-'));
  const flags = ['--rendezvous-listen', '127.0.0.1:0'];
  const server = await ServerProcess.begin({ data, built, flags, probed: true });
  const returning = new Returning();
  const yards: Switchyard[] = [];
  const stop = new AbortController();
  let looking: NodeJS.Timeout | undefined;
  const close = async () => {
    stop.abort(new Error('the storm is over'));
    await server.kill();
    rmSync(data, { recursive: true, force: true });
  };
  undo.add(close);
  try {
    for (let at = 0; at < connections; at++) {
      const channel = new HeardChannel(server.address, returning.ear);
      yards.push(new Switchyard({ channel, signal: stop.signal }));
    }
    returning.begin(await joinAll(yards, options));
    looking = setInterval(() => returning.look(), LOOK_MS);
    await (way === 'kill' ? server.kill() : server.drain());
    await server.start();
    const listeningMs = returning.nowMs;
    const beforeSeconds = server.cpuSeconds();
    await server.beginStalls();
    while (!returning.isOver && returning.nowMs < PATIENCE_MS) await sleep(LOOK_MS);
    const stalls = await server.endStalls();
    const { buckets, lost, nowMs } = returning;
    const refused = buckets.reduce((sum, bucket) => sum + bucket.refused, 0);
    const missing = sessions - returning.attached;
    const cpuSeconds = server.cpuSeconds() - beforeSeconds;
    const about = { way, sessions, buckets, listeningMs, backMs: nowMs - listeningMs, refused, cpuSeconds };
    return { ...about, stalls, lost: lost + missing };
  } finally {
    clearInterval(looking);
    undo.delete(close);
    await close();
  }
}

async function joinAll(
  yards: readonly Switchyard[],
  { sessions, progress }: Pick<StormOptions, 'sessions' | 'progress'>,
): Promise<Instance[]> {
  const instances: Instance[] = [];
  while (instances.length < sessions) {
    const joining: Instance[] = [];
    while (joining.length < JOINING_MAX && instances.length + joining.length < sessions) {
      const at = instances.length + joining.length;
      const uuid = `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`;
      joining.push(yards[at % yards.length].join({ uuid, type: 2 }));
    }
    await Promise.all(joining.map((instance) => instance.attached()));
    instances.push(...joining);
    progress(`storm: ${instances.length} of ${sessions} sessions`);
  }
  return instances;
}

const at = (stalls: Stalls, wanted: number): number => stalls.find(([percent]) => percent === wanted)![1];

function resultsOf(storms: readonly Storm[]): (Figure | Curve)[] {
  const [{ way, sessions, buckets, listeningMs }] = storms;
  const what = `${sessions} sessions come back after ${WAYS[way]}`;
  const figure = (of: string, unit: string, value: (storm: Storm) => number, goal?: string): Figure =>
    figureOf({ bench: 'storm', what: `${what}, ${of}`, unit, ...(goal && { goal }) }, storms.map(value));
  return [
    figure('server away', 'ms', (storm) => storm.listeningMs),
    figure('all back after it listened', 'ms', ({ backMs }) => backMs),
    figure('busiest second', 'calls/s', ({ buckets: all }) => busiestSecond(answeredMs(all))),
    figure("busiest second by the clients' waits alone", 'calls/s', (storm) => busiestSecond(dueOf(storm))),
    figure("the server's CPU time", 's', ({ cpuSeconds }) => cpuSeconds),
    figure("the server's event loop late, p99.9", 'ms', ({ stalls }) => at(stalls, 99.9), '<= 20'),
    figure("the server's event loop late, longest", 'ms', ({ stalls }) => at(stalls, 100)),
    figure('refused', 'calls', ({ refused }) => refused, '<= 0'),
    figure('sessions lost', 'sessions', ({ lost }) => lost, '<= 0'),
    {
      ...{ bench: 'storm', what, x: X, y: `sessions attached (the server listens at ${listeningMs.toFixed(0)} ms)` },
      series: [{ name: 'attached', points: buckets.map(({ ms, attached }) => [ms, attached]) }],
    },
    callsOf(storms[0], what),
  ];
}

/** Attach calls in a second: those that the server answered, and those that would have come by the clients' waits alone. */
function callsOf(storm: Storm, what: string): Curve {
  const perSecond = 1_000 / BUCKET_MS;
  const dueIn = new Map<number, number>();
  for (const ms of dueOf(storm)) {
    const bucket = Math.floor(ms / BUCKET_MS) * BUCKET_MS;
    dueIn.set(bucket, (dueIn.get(bucket) ?? 0) + perSecond);
  }
  const line = (name: string, value: (bucket: Bucket) => number) => ({
    name,
    points: storm.buckets.map((bucket) => [bucket.ms, value(bucket)] as const),
  });
  const series = [
    line("by the clients' waits alone", ({ ms }) => dueIn.get(ms) ?? 0),
    line('taken', ({ taken }) => taken * perSecond),
    line('refused', ({ refused }) => refused * perSecond),
  ];
  return { bench: 'storm', what, x: X, y: 'Attach calls/s', series };
}

function dueOf({ way, sessions, listeningMs }: Storm): number[] {
  return dueMs(way, sessions, listeningMs, TTL_MS, systemRandom);
}

/** When the server answered, to the tenth of a second. */
function answeredMs(buckets: readonly Bucket[]): number[] {
  return buckets.flatMap(({ ms, taken, refused }) => Array<number>(taken + refused).fill(ms));
}
