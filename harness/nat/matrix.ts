/**
 * The matrix of the test network: every pair of routers, over TCP and UDP, without loss, with 2 % of it, and with a
 * round trip of 80 ms, through the real server. Prints the tables of docs/direct-connections.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { wholeNumber } from '../number-option.js';
import { Cell, lacksForCells, type Transport } from './cell.js';
import { NatNetwork, type NetworkOptions } from './network.js';
import { isSamePairing, type Pairing, type Result, RoundFile } from './round.js';
import { NAT_KINDS, reachable } from './routers.js';
import { removeRunFolder } from './run-folder.js';
import { tablesOf } from './tables.js';

const HELP = `npm run nat -- [--rounds N] [--at-once N] [--output FILE] [--docs]

Plays every pair of routers, over TCP and UDP, in every condition of the network. Needs root and Linux.

  --rounds   how many connections of each cell (1)
  --at-once  how many networks stand at the same time (4); most of a cell is waiting
  --output   where the rounds go as they are played, a JSON object a line; those that it holds are not played again
  --docs     writes the tables into docs/direct-connections.md
`;

const CONDITIONS: Readonly<Record<string, Omit<NetworkOptions, 'routers'>>> = {
  'no loss': {},
  '2 % loss': { lossPercent: 2 },
  '80 ms': { roundTripMs: 80 },
};

/** Where the tables stand in the documentation: between these two lines. */
const DOCS = fileURLToPath(new URL('../../docs/direct-connections.md', import.meta.url));
const TABLES_BEGIN = '<!-- begin rounds: made by npm run nat, not by hand -->';
const TABLES_END = '<!-- end rounds -->';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '4' },
    output: { type: 'string' },
    docs: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const [roundsMax, atOnce] = [numberOf('rounds'), numberOf('at-once')];
const file = new RoundFile(values.output);
const rounds = Array.from({ length: roundsMax }, (_, at) => at + 1);
let broken = 0;
let done = 0;

function numberOf(name: 'rounds' | 'at-once'): number {
  try {
    return wholeNumber(`--${name}`, values[name], 1);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

/** Those with rounds to play, the slowest first: what is relayed has been tried three times before. */
function pairingsLeft(): Pairing[] {
  const all = Object.keys(CONDITIONS).flatMap((condition) =>
    NAT_KINDS.flatMap((a) => NAT_KINDS.map((b) => ({ a, b, condition }))),
  );
  return all
    .filter((pairing) => roundsLeft(pairing).length > 0)
    .sort((one, other) => Number(reachable(one.a, one.b)) - Number(reachable(other.a, other.b)));
}

function roundsLeft(pairing: Pairing): number[] {
  const played = file.rounds.filter((round) => isSamePairing(round, pairing)).map(({ round }) => round);
  return rounds.filter((round) => !played.includes(round));
}

async function play(pairing: Pairing): Promise<void> {
  const { a, b, condition } = pairing;
  const cell = await Cell.make({ routers: { a, b }, ...CONDITIONS[condition] });
  try {
    const wrong = await cell.wrongDials();
    if (wrong.length > 0) throw new Error(`the routers are not what they should be: ${wrong.join('; ')}`);
    for (const round of roundsLeft(pairing)) {
      const [tcp, udp] = await Promise.all([connect(cell, 'tcp'), connect(cell, 'udp')]);
      file.add({ ...pairing, round, tcp, udp });
    }
  } finally {
    cell.remove();
  }
}

async function connect(cell: Cell, transport: Transport): Promise<Result> {
  // Which way there is, and not how soon it is used: the relay comes when there is none.
  const { path, tookMs, error } = await cell.connect(transport, 'a', 'b', { fallback: 'late' });
  if (path === undefined) return { path: 'failed', error: error ?? 'for no reason' };
  return { path, tookMs: Math.round(tookMs ?? Number.NaN) };
}

/** Takes one pairing after the other until none is left. One that breaks is told of, and does not stop the others. */
async function work(queue: Pairing[], total: number): Promise<void> {
  for (let pairing = queue.shift(); pairing !== undefined; pairing = queue.shift()) {
    const name = `${pairing.a} – ${pairing.b}, ${pairing.condition}`;
    const before = performance.now();
    try {
      await play(pairing);
      const seconds = Math.round((performance.now() - before) / 1000);
      done += 1;
      console.error(`${done} of ${total}: ${name} (${seconds} s)`);
    } catch (error) {
      broken += 1;
      console.error(`broken: ${name}: ${(error as Error).stack}`);
    }
  }
}

function removeAll(): void {
  NatNetwork.removeAll();
  removeRunFolder();
}

function writeDocs(tables: string): void {
  const text = readFileSync(DOCS, 'utf8');
  const [begin, end] = [text.indexOf(TABLES_BEGIN) + TABLES_BEGIN.length, text.indexOf(TABLES_END)];
  if (begin > end) throw new Error(`${DOCS} has no place for the tables`);
  writeFileSync(DOCS, `${text.slice(0, begin)}\n\n${tables}\n\n${text.slice(end)}`);
}

const queue = pairingsLeft();
const lacks = queue.length > 0 ? lacksForCells() : undefined;
if (lacks) {
  process.stderr.write(`${lacks}\n`);
  process.exit(1);
}
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    removeAll();
    process.exit(status);
  });
}
const total = queue.length;
await Promise.all(Array.from({ length: atOnce }, () => work(queue, total)));
removeAll();
const played = file.rounds.filter(({ round }) => round <= roundsMax);
const tables = tablesOf(played, Object.keys(CONDITIONS));
console.log(tables);
if (values.docs) writeDocs(tables);
const failed = played.filter(({ tcp, udp }) => tcp.path === 'failed' || udp.path === 'failed');
for (const round of failed) console.error(`failed: ${JSON.stringify(round)}`);
process.exit(broken + failed.length > 0 ? 1 : 0);
