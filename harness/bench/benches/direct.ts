import { Cell, lacksForCells, TRANSPORTS } from '../../nat/cell.js';
import { NatNetwork } from '../../nat/network.js';
import { NAT_KINDS } from '../../nat/routers.js';
import { removeRunFolder } from '../../nat/run-folder.js';
import { type Round, type Row, rowOf } from '../row.js';

/** Far enough for what is waited for to count, and not how busy the machine is. */
const ROUND_TRIP_MS = 80;
const COPY_BYTES = 33_554_432;
/** Far away: long enough for the windows to have grown during most of it. */
const COPY_AWAY_BYTES = 4 * COPY_BYTES;
/** Copies of each round: one says little of what a busy machine carries. */
const COPIES_AWAY = 4;
const MIB = 1_048_576;
const SITES = Object.fromEntries(NAT_KINDS.flatMap((kind) => ['a', 'b'].map((side) => [`${kind}-${side}`, kind])));

/**
 * Time to connect of every pair of routers, and throughput of a direct and of a relayed path, in namespaces that it makes.
 *
 * The rival of a connection is a plain TCP dial to the server with a word each way: two round trips. The rival of a copy
 * is a plain TCP copy between the same two namespaces.
 */
export async function benchDirect(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const lacks = lacksForCells();
  if (lacks !== undefined) throw new Error(lacks);
  try {
    return [
      ...(await timesToConnect(rounds, progress)),
      ...(await throughputs(rounds, progress)),
      await throughputAway(rounds, progress),
    ];
  } finally {
    NatNetwork.removeAll();
    removeRunFolder();
  }
}

async function timesToConnect(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const cell = await Cell.make({ routers: SITES, roundTripMs: ROUND_TRIP_MS });
  await cell.startEcho();
  const rows: Row[] = [];
  for (const transport of TRANSPORTS) {
    for (const a of NAT_KINDS) {
      for (const b of NAT_KINDS) {
        const taken: Round[] = [];
        let way: string | undefined;
        for (let round = 0; round < rounds; round++) {
          const { path, tookMs, error } = await cell.connect(transport, `${a}-a`, `${b}-b`);
          if (path === undefined || tookMs === undefined) throw new Error(error);
          way = path;
          taken.push({ ours: tookMs, rival: await cell.plainDial(`${a}-a`) });
        }
        const what = `${a} to ${b} over ${transport}, ${way}, ${ROUND_TRIP_MS} ms away`;
        rows.push(rowOf({ bench: 'direct', what, rivalName: 'plain TCP dial', unit: 'ms' }, taken, true));
        progress(`${what}: ${Math.round(rows.at(-1)!.ours)} ms`);
      }
    }
  }
  cell.remove();
  return rows;
}

/** Relayed is what cannot be direct: nothing passes between the two sites then but through the server. */
async function throughputs(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const cell = await Cell.make({ routers: { a: 'none', b: 'none' } });
  const ways = [
    { what: 'copy over a direct TCP path', transport: 'tcp', relayed: false },
    { what: 'copy over a direct UDP path', transport: 'udp', relayed: false },
    { what: 'copy through the server', transport: 'tcp', relayed: true },
  ] as const;
  const taken = ways.map((): Round[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [at, { what, transport, relayed }] of ways.entries()) {
      const rivalMs = await cell.plainCopy('a', 'b', COPY_BYTES);
      cell.network.separate(relayed);
      const { path, tookMs } = await cell.copy(transport, 'a', 'b', COPY_BYTES);
      cell.network.separate(false);
      if ((path === 'relayed') !== relayed) throw new Error(`${what} was ${path}`);
      const rate = (ms: number) => COPY_BYTES / MIB / (ms / 1000);
      if (round >= 0) taken[at].push({ ours: rate(tookMs), rival: rate(rivalMs) });
      progress(`${what}: ${rate(tookMs).toFixed(0)} MiB/s; plain ${rate(rivalMs).toFixed(0)}`);
    }
  }
  cell.remove();
  const about = { bench: 'direct', rivalName: 'plain TCP copy', unit: 'MiB/s' };
  return ways.map(({ what }, at) => rowOf({ ...about, what }, taken[at]));
}

/**
 * Through the server, with the round trip between any two of the three. A plain copy crosses one such hop and ours two, one after the
 * other, so both are held up by the windows of TCP over one.
 */
async function throughputAway(rounds: number, progress: (line: string) => void): Promise<Row> {
  const cell = await Cell.make({ routers: { a: 'none', b: 'none' }, roundTripMs: ROUND_TRIP_MS });
  const rate = (ms: number) => COPY_AWAY_BYTES / MIB / (ms / 1000);
  const what = `copy through the server, ${ROUND_TRIP_MS} ms away`;
  const taken: Round[] = [];
  for (let round = -1; round < rounds * COPIES_AWAY; round++) {
    const rivalMs = await cell.plainCopy('a', 'b', COPY_AWAY_BYTES);
    cell.network.separate(true);
    const { path, tookMs } = await cell.copy('tcp', 'a', 'b', COPY_AWAY_BYTES);
    cell.network.separate(false);
    if (path !== 'relayed') throw new Error(`${what} was ${path}`);
    if (round >= 0) taken.push({ ours: rate(tookMs), rival: rate(rivalMs) });
    progress(`${what}: ${rate(tookMs).toFixed(1)} MiB/s; plain ${rate(rivalMs).toFixed(1)}`);
  }
  cell.remove();
  return rowOf({ bench: 'direct', what, rivalName: 'plain TCP copy', unit: 'MiB/s', goal: 0.9 }, taken);
}
