import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import {
  FindPathRequest,
  GetNodeRequest,
  WatchNetworkDeltaRequest,
} from '../../../gen/switchyard/v1/network_service.js';
import { ListSessionsRequest, SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import { makeSid } from '../../../src/core/store/sid.js';
import { hasEnded } from '../../has-ended.js';
import type { Figure } from '../figure.js';
import type { Flood, Flooded } from '../flood/flooder.js';
import { Observer, type Phase, phaseOf, type Seen, type Taken } from '../flood/observer.js';
import type { Order, Spell } from '../flood/orders.js';
import type { WebFlood } from '../flood/web-flooder.js';
import { bound } from '../parts/children.js';
import { fill } from '../parts/filled.js';
import type { Started } from '../parts/process.js';
import { seeded } from '../parts/seeded.js';
import { dataFolder, startSwitchyard } from '../parts/servers.js';

/** Where the flood comes from, and where the other client. */
const FLOODER = '127.0.0.2';
const OBSERVER = '127.0.0.3';
/** How long a slice goes on before it is looked at, and for how long it is. */
const WARM_MS = 700;
const SLICE_MS = 1_500;
/**
 * A server that uses less than so much of a core for so long has worked off what a flood has left behind: calls that its kernel had received
 * are begun although their connection is gone, those of 20 connections for longer than a slice is warmed up.
 */
const AT_REST_SHARE = 0.1;
const AT_REST_MS = 200;
/** Longer than that takes on a busy machine. */
const REST_MS_MAX = 30_000;
/** Slices of flood and of control in a round, in turns on one server: what else the machine does is then in both. */
const SLICES = 4;
/** Calls under way in all: what one connection may have. */
const CALLS_AT_ONCE = 16_384;
/** Largest pages of 1 MiB that a connection can ask for and have none refused: 32 MiB of answers. */
const PAGES_AT_ONCE = 28;
/** Watches of one connection. */
const WATCHES_AT_ONCE = 1_024;
/** How large the graphs are. */
const SMALL = 10_000;
const LARGE = 100_000;
const NETWORK = '/switchyard.v1.NetworkService';
const SESSIONS = '/switchyard.v1.SessionService';
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** One way to flood, with what it is called. */
interface Kind {
  readonly what: string;
  /** Which folder the server starts from. */
  readonly folder: 'small' | 'large';
  readonly flood:
    | Omit<Flood, 'port' | 'from' | 'connections' | 'atOnce'>
    | Omit<WebFlood, 'port' | 'from' | 'connections'>;
  /** Calls under way, in all and on one connection at most. */
  readonly atOnce: number;
  readonly perConnection: number;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Searches between sessions of a graph whose links of UDP lie in two halves. */
function paths(nodes: number, connected: boolean): string[] {
  const random = seeded(3);
  const half = nodes >> 1;
  const any = (from: number) => makeSid(2, 1, from + 1 + Math.floor(random() * half));
  return Array.from({ length: 64 }, () => {
    const request = { fromCvid: any(0), toCvid: any(connected ? 0 : half), links: [LinkType.TRANSPORT_UDP] };
    return base64(FindPathRequest.encode(request).finish());
  });
}

function pathKind(folder: Kind['folder'], nodes: number, connected: boolean): Kind {
  const which = connected ? 'connected' : 'not connected';
  const what = `FindPath over ${nodes.toLocaleString('en')} nodes, ${which}`;
  const flood = { path: `${NETWORK}/FindPath`, messages: paths(nodes, connected) };
  return { what, folder, flood, atOnce: CALLS_AT_ONCE, perConnection: CALLS_AT_ONCE };
}

const watching = {
  path: `${NETWORK}/WatchNetworkDelta`,
  messages: [base64(WatchNetworkDeltaRequest.encode(WatchNetworkDeltaRequest.create()).finish())],
};
const page = ListSessionsRequest.encode(ListSessionsRequest.create({ pageSize: 1_000 })).finish();
const node = GetNodeRequest.encode({ cvid: makeSid(2, 1, 7) }).finish();
const opening = SessionRequest.create({ instanceUuid: 'c7e81a14-52f0-4a3b-8f6d-9b1f2f7f4a90', instanceType: 2 });

/** What fill.ts puts into the folders. */
const CONTENTS: Readonly<Record<Kind['folder'], readonly string[]>> = {
  small: [`large=${SMALL}`, `halves=${2 * SMALL}`],
  large: [`sessions=${LARGE}`, `halves=${2 * LARGE}`],
};

/** Every way to flood. A session of the small folder is as large as one can be. */
const KINDS: readonly Kind[] = [
  pathKind('small', SMALL, true),
  pathKind('small', SMALL, false),
  pathKind('large', LARGE, true),
  pathKind('large', LARGE, false),
  {
    what: 'ListSessions, full pages of large sessions',
    folder: 'small',
    flood: { path: `${SESSIONS}/ListSessions`, messages: [base64(page)] },
    atOnce: 20 * PAGES_AT_ONCE,
    perConnection: PAGES_AT_ONCE,
  },
  {
    what: 'snapshots begun and cancelled',
    folder: 'small',
    flood: { ...watching, cancelAfterBytes: 0 },
    atOnce: 20 * WATCHES_AT_ONCE,
    perConnection: WATCHES_AT_ONCE,
  },
  {
    what: 'snapshots read to the end, again and again',
    folder: 'large',
    flood: { ...watching, cancelAfterBytes: 8_000_000 },
    atOnce: WATCHES_AT_ONCE,
    perConnection: WATCHES_AT_ONCE,
  },
  {
    what: 'GetNode',
    folder: 'small',
    flood: { path: `${NETWORK}/GetNode`, messages: [base64(node)] },
    atOnce: CALLS_AT_ONCE,
    perConnection: CALLS_AT_ONCE,
  },
  {
    what: 'Session without a token',
    folder: 'small',
    flood: { path: `${SESSIONS}/Session`, messages: [base64(SessionRequest.encode(opening).finish())] },
    atOnce: CALLS_AT_ONCE,
    perConnection: CALLS_AT_ONCE,
  },
];

/** How often requests are sent ahead on one connection of the web door: within its bound, and far beyond. */
const AHEAD = [16, 400];
const PREFLIGHT = 'OPTIONS / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';

/** Every way to flood the web door. */
const WEB_KINDS: readonly Kind[] = AHEAD.map((ahead) => ({
  what: `OPTIONS at the web door, ${ahead} sent ahead`,
  folder: 'small',
  flood: { request: PREFLIGHT, ahead },
  atOnce: CALLS_AT_ONCE,
  perConnection: ahead,
}));

/** A process beside the server that works and rests as it is told. */
class Beside<S extends Spell> {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  static async start<S extends Spell>(program: string, ...args: string[]): Promise<Beside<S>> {
    const all = ['--import', './harness/typescript.mjs', `harness/bench/flood/${program}.ts`, ...args];
    const beside = new Beside<S>(
      bound(spawn(process.execPath, all, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })),
    );
    await beside.#line();
    return beside;
  }

  go(cpuShare: number): void {
    this.#tell({ go: cpuShare });
  }

  async rest(): Promise<S> {
    this.#tell({ rest: true });
    return JSON.parse(await this.#line()) as S;
  }

  async stop(): Promise<void> {
    if (hasEnded(this.#child)) return;
    const exited = once(this.#child, 'close');
    this.#child.stdin!.end();
    await exited;
  }

  #tell(order: Order): void {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`);
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('a process beside the server has ended');
    return value;
  }
}

/** What the other client saw in one round, slice by slice. */
interface Measured {
  readonly control: readonly Taken[];
  readonly flood: readonly Taken[];
}

async function measure(kind: Kind, connections: number, data: string, tell: (line: string) => void): Promise<Measured> {
  const isWeb = 'request' in kind.flood;
  const server = await startSwitchyard(data, ...(isWeb ? ['--web-listen', '127.0.0.1:0'] : []));
  const atOnce = Math.min(kind.perConnection, Math.ceil(kind.atOnce / connections));
  const port = isWeb ? server.ports.web! : server.port;
  const about = { ...kind.flood, port, from: FLOODER, connections, atOnce };
  const flooder = await Beside.start<Flooded & Spell>(isWeb ? 'web-flooder' : 'flooder', JSON.stringify(about));
  const hog = await Beside.start<Spell>('hog');
  const observer = await Observer.connect(server.port, OBSERVER);
  try {
    await observer.observe(WARM_MS);
    const control: Taken[] = [];
    const flood: Taken[] = [];
    const shares: string[] = [];
    let done: Flooded | undefined;
    const observed = async () => {
      await observer.observe(WARM_MS);
      return observer.observe(SLICE_MS);
    };
    while (control.length < SLICES) {
      const [fromMs, fromNanos] = [performance.now(), server.cpuNanos()];
      flooder.go(1);
      flood.push(await observed());
      const serverShare = (server.cpuNanos() - fromNanos) / 1e6 / (performance.now() - fromMs);
      const { cpuShare, ...flooded } = await flooder.rest();
      done = flooded;
      await workedOff(server);
      // As much as the flood has just taken of the machine, by its own process and by the server for it; a process like the server uses one core.
      hog.go(Math.min(1, cpuShare + serverShare));
      control.push(await observed());
      const hogShare = (await hog.rest()).cpuShare;
      shares.push([cpuShare, hogShare, serverShare].map((share) => share.toFixed(2)).join('/'));
    }
    const [ofControl, ofFlood] = [phaseOf(control), phaseOf(flood)];
    tell(
      `control ${said(ofControl)}; flood ${said(ofFlood)}; cores of flood/hog/server ${shares.join(' ')}; ${JSON.stringify(done)}`,
    );
    return { control, flood };
  } finally {
    observer.close();
    await Promise.all([flooder.stop(), hog.stop()]);
    await server.stop();
  }
}

/** Waits until a server does nothing more of what it was asked for. */
async function workedOff(server: Started): Promise<void> {
  for (const endMs = performance.now() + REST_MS_MAX; performance.now() < endMs; ) {
    const [fromMs, fromNanos] = [performance.now(), server.cpuNanos()];
    await sleep(AT_REST_MS);
    if ((server.cpuNanos() - fromNanos) / 1e6 < AT_REST_SHARE * (performance.now() - fromMs)) return;
  }
  throw new Error(`the server still works ${REST_MS_MAX} ms after a flood`);
}

function said({ session, getNode }: Phase): string {
  const of = ({ p50, p99, max }: Seen) => [p50, p99, max].map((ms) => ms.toFixed(1)).join('/');
  return `Session ${of(session)} GetNode ${of(getNode)}`;
}

/**
 * What a client sees while another address floods the server, beside what it sees while a process that does not connect
 * uses as much CPU as the flood's own: the 99th percentile of its calls, in alternating slices. Of all kinds, those are taken whose names,
 * with their number of connections, have one of `only` in them.
 */
export async function benchFlood(
  rounds: number,
  progress: (line: string) => void,
  only: readonly string[] = [''],
): Promise<Figure[]> {
  const folders = new Map<Kind['folder'], ReturnType<typeof dataFolder>>();
  const folderOf = async (kind: Kind) => {
    const folder = folders.get(kind.folder) ?? dataFolder();
    if (!folders.has(kind.folder)) await fill(folder.path, ...CONTENTS[kind.folder], 'snapshot');
    folders.set(kind.folder, folder);
    return folder.path;
  };
  try {
    const figures: Figure[] = [];
    for (const kind of [...KINDS, ...WEB_KINDS]) {
      for (const connections of 'request' in kind.flood ? [64] : [1, 20]) {
        const what = `${kind.what}, ${connections === 1 ? 'one connection' : `${connections} connections`}`;
        if (!only.some((part) => what.includes(part))) continue;
        const folder = await folderOf(kind);
        const taken: Measured[] = [];
        for (let round = 0; round < rounds; round++) {
          const tell = (line: string) => progress(`${what}: round ${round + 1} of ${rounds}: ${line}`);
          taken.push(await measure(kind, connections, folder, tell));
        }
        figures.push(...figuresOf(what, taken));
      }
    }
    return figures;
  } finally {
    for (const folder of folders.values()) folder.remove();
  }
}

/** The 99th percentile of one call in the slices of all rounds. */
function p99Of(slices: readonly Taken[], call: keyof Phase): number {
  return phaseOf(slices)[call].p99;
}

function figuresOf(flood: string, rounds: readonly Measured[]): Figure[] {
  const pairs = rounds.flatMap((round) =>
    round.flood.map((slice, at) => ({ flood: slice, control: round.control[at] })),
  );
  const calls = ['session', 'getNode'] as const;
  return calls.flatMap((call) => {
    const what = `p99 of ${call === 'session' ? 'Session' : 'GetNode'} beside a flood: ${flood}`;
    const p99Ms = (some: typeof pairs, which: 'flood' | 'control') =>
      p99Of(
        some.map((pair) => pair[which]),
        call,
      );
    const ratioOf = (some: typeof pairs) => p99Ms(some, 'flood') / p99Ms(some, 'control');
    // How much one slice decides.
    const without = pairs.map((_, left) => ratioOf(pairs.filter((_pair, at) => at !== left)));
    const spread = [Math.min(...without), Math.max(...without)] as const;
    return [
      { bench: 'flood', what, unit: '× the control', goal: '<= 3', value: ratioOf(pairs), spread },
      { bench: 'flood', what, unit: 'ms', value: p99Ms(pairs, 'flood') },
      { bench: 'flood', what: `${what}, the control`, unit: 'ms', value: p99Ms(pairs, 'control') },
    ];
  });
}
