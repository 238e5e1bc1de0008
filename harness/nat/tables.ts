import { TRANSPORTS, type Transport } from './cell.js';
import { isSamePairing, type Pairing, type Result, type Round } from './round.js';
import { NAT_KINDS, reachable } from './routers.js';

/** 95 % of a normal distribution lie within so many standard deviations. */
const Z95 = 1.96;

/** What came of all rounds, as Markdown: a table for each transport and condition, then how often a path was direct. */
export function tablesOf(rounds: readonly Round[], conditions: readonly string[]): string {
  const tables = conditions.flatMap((condition) => TRANSPORTS.map((transport) => table(rounds, condition, transport)));
  return [...tables, successRate(rounds)].join('\n\n');
}

/** The results of one pair, condition and transport, in words: how often which way, and the median and p95 in ms. */
export function cellText(results: readonly Result[]): string {
  if (results.length === 0) return '';
  const counts = (['direct', 'relayed', 'failed'] as const)
    .map((path) => [path, results.filter((one) => one.path === path).length] as const)
    .filter(([, count]) => count > 0)
    .map(([path, count]) => `${path} ${count}`);
  const took = results.flatMap((one) => (one.path === 'failed' ? [] : one.tookMs));
  if (took.length === 0) return counts.join(', ');
  return `${counts.join(', ')}: ${Math.round(quantile(took, 0.5))} / ${Math.round(quantile(took, 0.95))}`;
}

/** The least value that so large a part of them does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

/** Between which two rates the true one lies, with 95 % (Wilson's score interval). */
export function wilson(successes: number, tries: number): [number, number] {
  const rate = successes / tries;
  const middle = rate + Z95 ** 2 / (2 * tries);
  const spread = Z95 * Math.sqrt((rate * (1 - rate)) / tries + Z95 ** 2 / (4 * tries ** 2));
  const scale = 1 + Z95 ** 2 / tries;
  return [(middle - spread) / scale, (middle + spread) / scale];
}

function table(rounds: readonly Round[], condition: string, transport: Transport): string {
  const head = `| ${transport}, ${condition} | ${NAT_KINDS.join(' | ')} |\n|---|${NAT_KINDS.map(() => '---|').join('')}`;
  const cell = (pairing: Pairing) =>
    cellText(rounds.filter((round) => isSamePairing(round, pairing)).map((round) => round[transport]));
  const lines = NAT_KINDS.map((a) => {
    return `| **${a}** | ${NAT_KINDS.map((b) => cell({ a, b, condition })).join(' | ')} |`;
  });
  return [head, ...lines].join('\n');
}

/** How often a path was direct where theory allows it, of all connections, and how much that differed between rounds. */
function successRate(rounds: readonly Round[]): string {
  const allowed = rounds.filter(({ a, b }) => reachable(a, b));
  const directs = (some: readonly Round[]) =>
    some.flatMap((round) => TRANSPORTS.map((transport) => (round[transport].path === 'direct' ? 1 : 0)));
  const all = directs(allowed);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const numbers = [...new Set(allowed.map(({ round }) => round))];
  const rates = numbers.map((number) => {
    const ofRound = directs(allowed.filter(({ round }) => round === number));
    return sum(ofRound) / ofRound.length;
  });
  const mean = sum(rates) / rates.length;
  const deviation = Math.sqrt(sum(rates.map((rate) => (rate - mean) ** 2)) / rates.length);
  const [low, high] = wilson(sum(all), all.length).map(percent);
  const others = rounds.length * TRANSPORTS.length - all.length;
  const relayed = rounds
    .filter(({ a, b }) => !reachable(a, b))
    .flatMap((round) => TRANSPORTS.filter((transport) => round[transport].path === 'relayed')).length;
  return [
    `Where theory allows a direct path, ${sum(all)} of ${all.length} connections were direct:`,
    `${percent(mean)} ± ${percent(deviation)} % (standard deviation between ${rates.length} rounds),`,
    `${low} to ${high} % with a confidence of 95 % (Wilson).`,
    `Where it does not, ${relayed} of ${others} were relayed.`,
  ].join('\n');
}

function percent(rate: number): string {
  return (rate * 100).toFixed(1);
}
