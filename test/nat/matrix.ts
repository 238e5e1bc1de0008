/**
 * The matrix of the test network: every pair of routers, over TCP and UDP, without loss, with 2 % of it, and with a
 * round trip of 80 ms, through the real server. Prints the tables of docs/direct-connections.md.
 *
 *   npm run nat -- [--rounds N]
 */
import { parseArgs } from 'node:util';
import { Cell, lacksForCells, reachable, type Transport } from './cell.js';
import { removeCompiled } from './compiled.js';
import type { NetworkOptions } from './network.js';
import { NAT_KINDS, type NatKind } from './routers.js';

type Between = Omit<NetworkOptions, 'a' | 'b'>;

const CONDITIONS: Readonly<Record<string, Between>> = {
  'no loss': {},
  '2 % loss': { lossPercent: 2 },
  '80 ms': { roundTripMs: 80 },
};
const TRANSPORTS: readonly Transport[] = ['tcp', 'udp'];

/** What came of all rounds of one pair, in one condition. */
interface Tally {
  readonly a: NatKind;
  readonly b: NatKind;
  readonly condition: string;
  readonly transport: Transport;
  direct: number;
  relayed: number;
  failed: number;
  readonly tookMs: number[];
}

async function play(a: NatKind, b: NatKind, condition: string, rounds: number): Promise<Tally[]> {
  const tallies = TRANSPORTS.map((transport): Tally => {
    return { a, b, condition, transport, direct: 0, relayed: 0, failed: 0, tookMs: [] };
  });
  const cell = await Cell.make({ a, b, ...CONDITIONS[condition] });
  try {
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        tallies.map(async (tally) => {
          const { path, tookMs } = await cell.connect(tally.transport);
          tally[path ?? 'failed'] += 1;
          if (tookMs !== undefined) tally.tookMs.push(tookMs);
        }),
      );
    }
  } finally {
    cell.remove();
  }
  return tallies;
}

function median(values: readonly number[]): number {
  return [...values].sort((x, y) => x - y)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** `direct 620` is a median in milliseconds; a cell that was not always the same says how often it was what. */
function cellText({ direct, relayed, failed, tookMs }: Tally): string {
  const ms = Math.round(median(tookMs));
  if (failed === 0 && relayed === 0) return `direct ${ms}`;
  if (failed === 0 && direct === 0) return `relayed ${ms}`;
  return `direct ${direct}, relayed ${relayed}, failed ${failed}: ${ms}`;
}

function table(tallies: readonly Tally[], condition: string, transport: Transport): string {
  const lines = [
    `| ${transport}, ${condition} | ${NAT_KINDS.join(' | ')} |`,
    `|---|${NAT_KINDS.map(() => '---|').join('')}`,
  ];
  for (const a of NAT_KINDS) {
    const cells = NAT_KINDS.map((b) => {
      const found = tallies.find(
        (one) => one.a === a && one.b === b && one.condition === condition && one.transport === transport,
      );
      return found ? cellText(found) : '';
    });
    lines.push(`| **${a}** | ${cells.join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}

/** How often a direct path was found where theory allows one, with the standard deviation between cells. */
function successRate(tallies: readonly Tally[]): string {
  const rates = tallies
    .filter(({ a, b }) => reachable(a, b))
    .map(({ direct, relayed, failed }) => direct / (direct + relayed + failed));
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const deviation = Math.sqrt(rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length);
  return `${(mean * 100).toFixed(1)} % ± ${(deviation * 100).toFixed(1)} % direct where theory allows it, ${rates.length} cells`;
}

const lacks = lacksForCells();
if (lacks) {
  process.stderr.write(`${lacks}\n`);
  process.exit(1);
}
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '1' } } });
const tallies: Tally[] = [];
try {
  for (const condition of Object.keys(CONDITIONS)) {
    for (const a of NAT_KINDS)
      for (const b of NAT_KINDS) tallies.push(...(await play(a, b, condition, Number(values.rounds))));
    for (const transport of TRANSPORTS) console.log(table(tallies, condition, transport));
  }
  console.log(`${successRate(tallies)}, ${values.rounds} rounds each`);
} finally {
  removeCompiled();
}
process.exit(0);
