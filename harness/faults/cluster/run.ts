import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { hasEnded } from '../../has-ended.js';
import { NEXT_BUILD } from '../../next-build.mjs';
import { outcomeOf } from '../outcome.js';
import { Cluster } from './cluster.js';
import { ClusterGround } from './ground.js';
import { tableOf } from './report.js';
import { STRIKES, type Strike } from './strikes.js';
import { emptyResult, type StrikeResult, strikeOnce } from './trial.js';

/** What a run is asked for. */
export interface ClusterRun {
  /** Which strikes, by name; none: all. */
  readonly strikes: readonly string[];
  /** How often each happens. */
  readonly rounds: number;
  readonly seed: number;
  readonly built: boolean;
  readonly isJson: boolean;
  /** Told how far it has come. */
  readonly progress: (line: string) => void;
  /** What has to be taken back when somebody does not want to wait. */
  readonly undo: Set<() => unknown>;
}

/** The strikes, each with what it is about, for a help text. */
export const STRIKE_LINES: readonly string[] = STRIKES.map(({ name, about }) => `    ${name.padEnd(7)} ${about}`);

/** Names that are no strikes. */
export function unknownStrikes(names: readonly string[]): readonly string[] {
  return names.filter((name) => !STRIKES.some((strike) => strike.name === name));
}

/**
 * Strikes three servers and three members of etcd, in network namespaces that are made for it and removed. False: something was found.
 *
 * The namespaces are made by one process; the clients and the judge are another one, which is started inside.
 */
export async function strikeCluster(run: ClusterRun): Promise<boolean> {
  const inside = ClusterGround.ofThisProcess();
  if (inside !== undefined) return strikeInside(run, inside);
  const lacks = ClusterGround.lacks();
  if (lacks !== undefined) {
    console.log(`cluster: not checked: ${lacks}`);
    return false;
  }
  const ground = ClusterGround.make();
  let child: ChildProcess | undefined;
  const remove = async () => {
    const exited = child && !hasEnded(child) && once(child, 'exit');
    child?.kill('SIGINT');
    await exited;
    ground.remove();
  };
  run.undo.add(remove);
  try {
    const [command, ...prefix] = ground.at('c');
    const own = ['cluster', ...run.strikes, '--rounds', String(run.rounds), '--seed', String(run.seed)];
    const args = [...prefix, process.execPath, ...process.execArgv, process.argv[1], ...own];
    child = spawn(command, run.isJson ? [...args, '--json'] : args, {
      // The judge has to know what the later of two builds writes.
      env: { ...process.env, ...ground.env, [NEXT_BUILD]: '1' },
      stdio: 'inherit',
    });
    const [status] = (await once(child, 'exit')) as [number | null];
    return status === 0;
  } finally {
    run.undo.delete(remove);
    await remove();
  }
}

async function strikeInside(run: ClusterRun, ground: ClusterGround): Promise<boolean> {
  const wanted = STRIKES.filter(({ name }) => run.strikes.length === 0 || run.strikes.includes(name));
  const lacking = wanted.filter((strike) => strike.lacks() !== undefined);
  for (const strike of lacking) console.error(`${strike.name}: not checked: ${strike.lacks()}`);
  const strikes = wanted.filter((strike) => !lacking.includes(strike));
  const isClocked = strikes.some(({ name }) => name === 'clock');
  const cluster = new Cluster({ ground, seed: run.seed, built: run.built, isClocked });
  const results = strikes.map(({ name }) => emptyResult(name));
  const startMs = performance.now();
  run.undo.add(() => tell(run, cluster, results, { startMs, isInterrupted: true }));
  try {
    await cluster.begin();
    await strikeAll(run, cluster, strikes, results);
    await cluster.compareAll();
  } catch (error) {
    cluster.judge.lines.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  run.undo.clear();
  const isShown = tell(run, cluster, results, { startMs, isInterrupted: false });
  await cluster.close();
  return isShown;
}

/** The kinds of strikes take turns. */
async function strikeAll(
  { rounds, progress }: ClusterRun,
  cluster: Cluster,
  strikes: readonly Strike[],
  results: readonly StrikeResult[],
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const [at, strike] of strikes.entries()) {
      const what = await strikeOnce(cluster, strike, round, results[at]);
      progress(`round ${round + 1} of ${rounds}: ${strike.name} ${what}`);
      if (cluster.judge.lines.length > 0) return;
    }
  }
}

/** Prints what came of it. False: something was found, or nothing was shown. */
function tell(
  { isJson, seed }: ClusterRun,
  cluster: Cluster,
  results: readonly StrikeResult[],
  { startMs, isInterrupted }: { readonly startMs: number; readonly isInterrupted: boolean },
): boolean {
  const { ledger, judge, servers, attached } = cluster;
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const restarts = servers.reduce((sum, server) => sum + server.restarts, 0);
  const { commands, terms } = ledger;
  const strikes = results.reduce((sum, { times }) => sum + times, 0);
  const { words, isShown } = outcomeOf({ strikes, found: judge.lines, isInterrupted });
  if (isJson) {
    console.log(
      JSON.stringify({
        ...{ seed, seconds, commands, terms, restarts, lines: attached.lines, results },
        ...{ found: judge.lines, isShown, isInterrupted },
      }),
    );
    return isShown;
  }
  console.log(tableOf(results));
  console.log(
    `${strikes} strikes in ${seconds} s, seed ${seed}: ${commands} commands, ${terms} terms, ${restarts} restarts`,
  );
  const moves = results.reduce((sum, result) => sum + result.moves, 0);
  const broken = results.reduce((sum, result) => sum + result.broken, 0);
  console.log(
    `${attached.lines} lines over relayed connections, ${moves} moves of their ends, ${broken} connections broke`,
  );
  console.log(`cluster: ${words}`);
  return isShown;
}
