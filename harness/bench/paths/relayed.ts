import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Figure, figureOf } from '../figure.js';
import { bound } from '../parts/children.js';
import type { Memory, Started } from '../parts/process.js';
import type { FleetTask } from '../parts/relay-fleet.js';
import { startProbedSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';

const KIB = 1_024;
const MIB = 1_024 * KIB;
const root = fileURLToPath(new URL('../../..', import.meta.url));
const FLEET = ['--import', `${root}harness/typescript.mjs`, `${root}harness/bench/parts/relay-fleet.ts`];
/** What arrivals leave behind is done by then. */
const SETTLE_MS = 2_000;

/** How much there is of everything, and how the server is started; a test takes less of it. */
export interface RelayedScale {
  /** Instances at each end, each attached over a connection of its own. */
  readonly pairs: number;
  /** Connections before anything is measured: what the first ones cost is code and pools, and not theirs. */
  readonly first: number;
  /** Connections that are idle, and those that are busy at the same time. */
  readonly idle: number;
  readonly busy: number;
  /** Of the single copy, and of all that go on at the same time together. */
  readonly bytes: number;
  start(): Promise<Started>;
}

const SCALE: RelayedScale = {
  pairs: 100,
  first: 200,
  idle: 1_000,
  busy: 100,
  bytes: 256 * MIB,
  start: () => startProbedSwitchyard(':memory:', '--connections-max', '10000', '--connections-per-address', '10000'),
};

/** A server, and the two ends of all connections through it, each side in one process. */
class Fleet {
  private constructor(
    readonly server: Started,
    private readonly sink: ChildProcess,
    private readonly source: ChildProcess,
  ) {}

  static async start({ pairs, start }: RelayedScale): Promise<Fleet> {
    const server = await start();
    const [sink, sids] = await Fleet.#side('sink', String(server.port), String(pairs));
    const [source] = await Fleet.#side('source', String(server.port), String(pairs), ...(sids as number[]).map(String));
    return new Fleet(server, sink, source);
  }

  static async #side(...words: string[]): Promise<readonly [ChildProcess, unknown]> {
    const child = bound(
      spawn(process.execPath, [...FLEET, ...words], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
    );
    return [child, await said(child)];
  }

  /** Has the source do something. Answers with what it says of it. */
  async do(task: FleetTask): Promise<number> {
    const answer = said(this.source);
    this.source.send(task);
    return Number(await answer);
  }

  /** The server's memory once it rests. */
  async memory(): Promise<Memory> {
    await sleep(SETTLE_MS);
    return this.server.ask('memory');
  }

  async stop(): Promise<void> {
    for (const child of [this.source, this.sink]) child.disconnect();
    await this.server.stop();
  }
}

/** The next message of an end; rejects when it ends without one. */
async function said(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`relay-fleet.ts ended with ${code}`)));
  ended.catch(() => {});
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return message;
}

/** What each of so many idle connections takes beyond their attached instances. */
async function idleOf(fleet: Fleet, { first, idle }: RelayedScale): Promise<Memory> {
  await fleet.do({ hold: first });
  const before = await fleet.memory();
  await fleet.do({ hold: idle });
  const after = await fleet.memory();
  return {
    residentBytes: (after.residentBytes - before.residentBytes) / idle,
    heldBytes: (after.heldBytes - before.heldBytes) / idle,
  };
}

/** All copies at the same time, and the same bytes over one connection. */
async function busyOf(fleet: Fleet, { busy, bytes }: RelayedScale): Promise<Round> {
  const each = Math.ceil(bytes / busy);
  const rate = (sum: number, ms: number) => sum / MIB / (ms / 1_000);
  const ours = rate(each * busy, await fleet.do({ copies: busy, bytes: each }));
  return { ours, rival: rate(bytes, await fleet.do({ copies: 1, bytes })) };
}

/** What relayed connections take of the server while nothing goes over them, and whether many carry as much as one. */
export async function benchRelayed(
  rounds: number,
  progress: (line: string) => void,
  scale: RelayedScale = SCALE,
): Promise<(Row | Figure)[]> {
  const rests: Memory[] = [];
  const copies: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const fleet = await Fleet.start(scale);
    try {
      const rest = await idleOf(fleet, scale);
      rests.push(rest);
      const kib = [rest.residentBytes, rest.heldBytes].map((bytes) => (bytes / KIB).toFixed(1));
      progress(`round ${round + 1} of ${rounds}: ${kib[0]} KiB resident, ${kib[1]} KiB held for each idle one`);
      // Once for everything to be compiled.
      await busyOf(fleet, scale);
      const one = await busyOf(fleet, scale);
      copies.push(one);
      progress(`${scale.busy} copies at once ${one.ours.toFixed(0)} MiB/s; one ${one.rival.toFixed(0)}`);
    } finally {
      await fleet.stop();
    }
  }
  const what = `${scale.idle.toLocaleString('en')} relayed connections idle, each`;
  const about = { bench: 'relayed', unit: 'KiB' };
  const busy = {
    bench: 'relayed',
    what: `${scale.busy} relayed copies at once, in all`,
    rivalName: 'one',
    unit: 'MiB/s',
  };
  return [
    figureOf(
      { ...about, what: `${what}: resident memory`, goal: '<= 40' },
      rests.map(({ residentBytes }) => residentBytes / KIB),
    ),
    figureOf(
      { ...about, what: `${what}: heap and buffers` },
      rests.map(({ heldBytes }) => heldBytes / KIB),
    ),
    rowOf({ ...busy, goal: 0.9 }, copies),
  ];
}
