import type { Cluster } from './cluster.js';
import type { Findings } from './judge.js';
import type { Strike } from './strikes.js';

/** How long clients are at work before a strike and after it. */
const WORK_MS = 1_500;

/** What came of all strikes of one kind. */
export interface StrikeResult {
  readonly strike: string;
  times: number;
  /** Calls that were answered, and calls of which nobody knows what became of them. */
  answered: number;
  unknown: number;
  readonly findings: Findings;
  /** Times that a client that stays was cut off and went on, here or elsewhere; relayed connections that ended with an error. */
  moves: number;
  broken: number;
  /** The longest time in which no server acknowledged a command. */
  silenceMs: number;
  /** The longest time from the end of a strike until every server stored commands again. */
  backMs: number;
}

/** A result in which nothing has happened yet. */
export function emptyResult(strike: string): StrikeResult {
  const findings = { lost: 0, doubled: 0, disordered: 0, expired: 0 };
  return { strike, times: 0, answered: 0, unknown: 0, moves: 0, broken: 0, findings, silenceMs: 0, backMs: 0 };
}

/** Lets one strike happen to a cluster with clients at work, waits until all is well again, and judges. Resolves with what was struck. */
export async function strikeOnce(cluster: Cluster, strike: Strike, nth: number, result: StrikeResult): Promise<string> {
  const { clients, judge } = cluster;
  const before = { ...judge.findings };
  clients.begin();
  await pause();
  clients.takeAcknowledged();
  const startMs = performance.now();
  const what = await strike.strike(cluster, nth);
  result.backMs = Math.max(result.backMs, await cluster.untilStored());
  await pause();
  const calls = clients.count();
  result.silenceMs = Math.max(result.silenceMs, longestGap(startMs, clients.takeAcknowledged(), performance.now()));
  const { moves, broken } = await cluster.judgeAll();
  result.moves += moves;
  result.broken += broken;
  result.times++;
  result.answered += calls.answered;
  result.unknown += calls.unknown;
  for (const name of Object.keys(before) as (keyof Findings)[]) {
    result.findings[name] += judge.findings[name] - before[name];
  }
  return what;
}

/** The longest stretch without any of these moments. */
export function longestGap(startMs: number, momentsMs: readonly number[], endMs: number): number {
  let longestMs = 0;
  let lastMs = startMs;
  for (const ms of [...momentsMs, endMs]) {
    longestMs = Math.max(longestMs, ms - lastMs);
    lastMs = Math.max(lastMs, ms);
  }
  return longestMs;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, WORK_MS));
}
