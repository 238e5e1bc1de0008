import { Cell, lacksForCells } from '../../nat/cell.js';
import { NatNetwork } from '../../nat/network.js';
import { FORWARD_PORT } from '../../nat/ports.js';
import { NAT_KINDS, type NatKind, reachable } from '../../nat/routers.js';
import { removeRunFolder } from '../../nat/run-folder.js';
import { type Round, type Row, rowOf } from '../row.js';

/** Far enough for what is waited for to count, and not how busy the machine is. */
const ROUND_TRIP_MS = 80;
const SITES = Object.fromEntries(NAT_KINDS.flatMap((kind) => ['a', 'b'].map((side) => [`${kind}-${side}`, kind])));
/** Where strangers are let in, so that it can answer plain dials over two hops. */
const OPEN = 'none-b';

interface Pair {
  readonly a: NatKind;
  readonly b: NatKind;
}

const PAIRS: readonly Pair[] = NAT_KINDS.flatMap((a) => NAT_KINDS.map((b) => ({ a, b })));
/** At most so many times a plain dial over the same hops: a ratio the other way round, as in all rows. */
const FIRST_BYTE_GOAL = 1 / 2.5;
/** At most so many times a plain dial to the server. */
const IN_USE_GOAL = 1 / 4;

const named = ({ a, b }: Pair) => `${a} to ${b}, ${ROUND_TRIP_MS} ms away`;

/** Milliseconds until the first byte is back over a connection that can only be relayed. */
async function firstByteMs(cell: Cell, pair: Pair): Promise<number> {
  const made = await cell.connect('tcp', `${pair.a}-a`, `${pair.b}-b`, { settles: false });
  if (made.tookMs === undefined) throw new Error(`${named(pair)}: ${made.error}`);
  return made.tookMs;
}

/** Milliseconds until a connection is direct that goes through the server at first, and until its first byte was back. */
async function inUseMs(cell: Cell, pair: Pair): Promise<{ readonly inUse: number; readonly first: number }> {
  const { path, tookMs, movedMs, error } = await cell.connect('tcp', `${pair.a}-a`, `${pair.b}-b`);
  if (path !== 'direct' || tookMs === undefined) throw new Error(`${named(pair)}: ${error ?? path}`);
  return { inUse: movedMs ?? tookMs, first: tookMs };
}

/** The first byte of pairs that no direct path can join, beside a plain dial over both hops and one over the first alone. */
async function firstBytes(cell: Cell, rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  for (const pair of PAIRS.filter(({ a, b }) => !reachable(a, b))) {
    const hops: Round[] = [];
    const server: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      const ours = await firstByteMs(cell, pair);
      hops.push({ ours, rival: await cell.plainDial(`${pair.a}-a`, FORWARD_PORT) });
      server.push({ ours, rival: await cell.plainDial(`${pair.a}-a`) });
    }
    const about = { bench: 'connect', what: `first byte, ${named(pair)}`, unit: 'ms' };
    const overHops = { ...about, rivalName: 'plain dial over the same hops', goal: FIRST_BYTE_GOAL };
    rows.push(rowOf(overHops, hops, true), rowOf({ ...about, rivalName: 'plain dial to the server' }, server, true));
    progress(`${about.what}: ${rows.at(-1)!.ours.toFixed(0)} ms`);
  }
  return rows;
}

/** The direct path of pairs that theory allows one, which the connection moves to from the relay. */
async function directPaths(cell: Cell, rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const about = { bench: 'connect', rivalName: 'plain dial', unit: 'ms' };
  const rows: Row[] = [];
  /** Of all pairs: what is waited for once bytes have gone both ways through the server. */
  const after: Round[] = [];
  const firsts: Round[] = [];
  for (const pair of PAIRS.filter(({ a, b }) => reachable(a, b))) {
    const taken: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      const { inUse, first } = await inUseMs(cell, pair);
      const rival = await cell.plainDial(`${pair.a}-a`);
      taken.push({ ours: inUse, rival });
      firsts.push({ ours: first, rival });
      // One that was direct by then has been waited for no longer than the clock tells.
      after.push({ ours: Math.max(inUse - first, 1), rival });
    }
    const what = `direct path in use, ${named(pair)}`;
    rows.push(rowOf({ ...about, what, goal: IN_USE_GOAL }, taken, true));
    progress(`${what}: ${rows.at(-1)!.ours.toFixed(0)} ms`);
  }
  const those = `all these pairs, ${ROUND_TRIP_MS} ms away`;
  rows.push(rowOf({ ...about, what: `first byte, ${those}` }, firsts, true));
  rows.push(rowOf({ ...about, what: `direct path in use after the first byte, ${those}` }, after, true));
  return rows;
}

/**
 * How long a new connection takes to its first byte, where no direct path can be, and to its direct path everywhere else, each pair of
 * routers in namespaces with a round trip between any two places. The dial over the same hops goes through a plain forwarder at the
 * server's place to a host that lets strangers in.
 */
export async function benchConnect(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const lacks = lacksForCells();
  if (lacks !== undefined) throw new Error(lacks);
  try {
    const cell = await Cell.make({ routers: SITES, roundTripMs: ROUND_TRIP_MS });
    await cell.startEcho();
    await cell.startForward(OPEN);
    // What each process does for the first time it compiles.
    for (const pair of PAIRS) await (reachable(pair.a, pair.b) ? inUseMs : firstByteMs)(cell, pair);
    progress('warmed up');
    return [...(await firstBytes(cell, rounds, progress)), ...(await directPaths(cell, rounds, progress))];
  } finally {
    NatNetwork.removeAll();
    removeRunFolder();
  }
}
