import { readFileSync } from 'node:fs';
import { lacksSsh } from '../../../test/cli/servers/sshd.js';
import { Cell, lacksForCells, type Transport } from '../../nat/cell.js';
import { NatNetwork, type NetworkOptions } from '../../nat/network.js';
import { SERVER_PORT } from '../../nat/ports.js';
import { removeRunFolder } from '../../nat/run-folder.js';
import { YOUNG } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';
import { SshJump } from './ssh-jump.js';

const MIB = 1_048_576;
const ROUND_TRIP_MS = 80;
/** Far away: the windows have grown during most of a copy, which takes some seconds. */
const AWAY_BYTES = 128 * MIB;
const SITES = { a: 'none', b: 'none' } as const;

/** Two sites without NATs, and a server with the young generation that the program gives it. */
function makeCell(between: Pick<NetworkOptions, 'roundTripMs' | 'lossPercent'>): Promise<Cell> {
  return Cell.make({ routers: SITES, ...between }, ':memory:', SERVER_PORT, YOUNG);
}

/** Bytes a second, in MiB, of a copy. */
const rate = (bytes: number, ms: number) => bytes / MIB / (ms / 1_000);

/** A copy of ours and one of a rival, between the same two sites of a cell. */
interface Contest {
  readonly what: string;
  readonly rivalName: string;
  readonly goal?: number;
  readonly bytes: number;
  readonly transport: Transport;
  readonly relayed: boolean;
  /** Answers with its milliseconds. */
  rival(bytes: number): Promise<number>;
}

async function round(cell: Cell, { what, bytes, transport, relayed, rival }: Contest): Promise<Round> {
  const { path, tookMs } = await cell.copy(transport, 'a', 'b', bytes, relayed);
  if ((path === 'relayed') !== relayed) throw new Error(`${what} was ${path}`);
  return { ours: rate(bytes, tookMs), rival: rate(bytes, await rival(bytes)) };
}

/** One contest after the other in each round. The first round does not count: processes compile in it what they run. */
async function play(
  cell: Cell,
  contests: readonly Contest[],
  rounds: number,
  progress: (line: string) => void,
): Promise<Row[]> {
  const taken = contests.map((): Round[] => []);
  for (let at = -1; at < rounds; at++) {
    for (const [index, contest] of contests.entries()) {
      const one = await round(cell, contest);
      if (at >= 0) taken[index]!.push(one);
      const rival = `${contest.rivalName} ${one.rival.toFixed(1)}`;
      progress(`${contest.what}: ${one.ours.toFixed(1)} MiB/s; ${rival}${at < 0 ? ' (not counted)' : ''}`);
    }
  }
  return contests.map(({ what, rivalName, goal }, at) =>
    rowOf({ bench: 'copies', what, rivalName, goal, unit: 'MiB/s' }, taken[at]!),
  );
}

/** Without a delay: what the processes on this machine carry. */
async function near(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const cell = await makeCell({});
  const ssh = await SshJump.start(cell.network, 'b');
  try {
    const contests: Contest[] = [
      {
        what: 'copy over a direct TCP path',
        rivalName: 'bare TLS 1.3 of Node',
        goal: 0.95,
        bytes: 256 * MIB,
        transport: 'tcp',
        relayed: false,
        rival: (bytes) => cell.plainCopy('a', 'b', bytes, 'tls'),
      },
      {
        what: 'copy through the server',
        rivalName: 'ssh -J',
        goal: 0.8,
        bytes: 128 * MIB,
        transport: 'tcp',
        relayed: true,
        rival: (bytes) => ssh.copy('a', bytes),
      },
      {
        // Without a goal: UDP serves reachability (docs/direct-connections.md).
        what: 'copy over a direct UDP path',
        rivalName: 'bare dgram',
        bytes: 32 * MIB,
        transport: 'udp',
        relayed: false,
        rival: (bytes) => cell.plainCopy('a', 'b', bytes, 'datagrams'),
      },
    ];
    return await play(cell, contests, rounds, progress);
  } finally {
    await ssh.stop();
    cell.remove();
  }
}

/** What the kernel's windows are in the namespaces: as they are on this machine, and as large as anybody makes them. */
const WINDOWS: readonly { readonly name: string; readonly large: readonly string[]; readonly goal?: number }[] = [
  { name: '', large: [], goal: 0.9 },
  { name: ', tcp_wmem of 64 MiB', large: ['tcp_wmem'], goal: 0.9 },
  // Without the receiver's, the sender's is of no use to either; the goal is about the sender's.
  { name: ', tcp_wmem and tcp_rmem of 64 MiB', large: ['tcp_wmem', 'tcp_rmem'] },
];
const LARGE_WINDOW = `4096 131072 ${64 * MIB}`;

/** With a round trip between any two of the three places: a plain copy crosses one such hop, ours two after each other. */
async function away(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, large, goal } of WINDOWS) {
    const cell = await makeCell({ roundTripMs: ROUND_TRIP_MS });
    for (const parameter of large) cell.network.tune(parameter, LARGE_WINDOW);
    const contest: Contest = {
      what: `copy through the server, ${ROUND_TRIP_MS} ms away${name}`,
      rivalName: 'plain Node TCP',
      ...(goal === undefined ? {} : { goal }),
      bytes: AWAY_BYTES,
      transport: 'tcp',
      relayed: true,
      rival: (bytes) => cell.plainCopy('a', 'b', bytes),
    };
    rows.push(...(await play(cell, [contest], rounds, progress)));
    cell.remove();
  }
  return rows;
}

/** What one may choose for TCP, with bytes that take it some seconds where packets are lost. */
const CONTROLS = { cubic: MIB, bbr: 4 * MIB };
/** A packet passes the core twice where it is held back there, so this is 2 % in all. */
const LOSS_PERCENT = 1;

/** Where packets are lost, beside TCP with each congestion control that this machine has. Without goals, as for UDP above. */
async function lossy(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const available = readFileSync('/proc/sys/net/ipv4/tcp_available_congestion_control', 'utf8').trim().split(' ');
  const rows: Row[] = [];
  for (const [control, bytes] of Object.entries(CONTROLS)) {
    if (!available.includes(control)) {
      progress(`without ${control}: this machine's kernel lacks it`);
      continue;
    }
    const cell = await makeCell({ roundTripMs: ROUND_TRIP_MS, lossPercent: LOSS_PERCENT });
    cell.network.controlCongestion(control);
    const contest: Contest = {
      what: `copy over a direct UDP path, 2 % loss, ${ROUND_TRIP_MS} ms away`,
      rivalName: `plain TCP, ${control}`,
      bytes,
      transport: 'udp',
      relayed: false,
      rival: (count) => cell.plainCopy('a', 'b', count),
    };
    rows.push(...(await play(cell, [contest], rounds, progress)));
    cell.remove();
  }
  return rows;
}

/** Copies between two sites in namespaces, over each kind of path, beside what else one would copy with. */
export async function benchCopies(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const lacks = lacksForCells() ?? lacksSsh();
  if (lacks !== undefined) throw new Error(lacks);
  try {
    return [...(await near(rounds, progress)), ...(await away(rounds, progress)), ...(await lossy(rounds, progress))];
  } finally {
    NatNetwork.removeAll();
    removeRunFolder();
  }
}
