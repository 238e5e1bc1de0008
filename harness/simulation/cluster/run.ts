// `npm run simulate -- --servers N` comes here: worlds of several servers, each made of one number.
import { replayWorld } from '../replay.js';
import { CLUSTER_MUTATIONS } from './mutations.js';
import { type ClusterResult, ClusterWorld } from './world.js';

const HOUR_MS = 3_600_000;

/** Which worlds. */
export interface ClusterSeeds {
  readonly seed: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly servers: number;
}

/** Runs so many worlds, and prints how each went. True: nothing was wrong. */
export async function simulateClusters({ seed, seeds, minutes, servers }: ClusterSeeds): Promise<boolean> {
  const fromMs = performance.now();
  let [failed, simulatedMs] = [0, 0];
  for (let at = 0; at < seeds; at++) {
    const result = await new ClusterWorld(seed + at, servers).run(minutes);
    simulatedMs += result.simulatedMs;
    if (result.violation !== undefined) failed++;
    console.log(linesOfCluster(result, { minutes, servers }).join('\n'));
  }
  const ratio = (simulatedMs / (performance.now() - fromMs)).toFixed(0);
  console.log(`${(simulatedMs / HOUR_MS).toFixed(1)} simulated hours, ${ratio} × real time, ${failed} failed`);
  return failed === 0;
}

/** Puts each deliberate fault into a world that meets it, and looks whether it is found as it should be. True: all were. */
export async function mutateClusters(servers: number): Promise<boolean> {
  let missed = 0;
  for (const mutation of CLUSTER_MUTATIONS) {
    const fromMs = performance.now();
    const { violation } = await new ClusterWorld(mutation.seed, servers, mutation).run(mutation.minutes);
    const isFound = violation?.check === mutation.finds;
    if (!isFound) missed++;
    const found = isFound ? violation.check : `MISSED: ${violation?.check ?? 'nothing'} instead of ${mutation.finds}`;
    console.log(`${mutation.name}: ${found}, ${((performance.now() - fromMs) / 1_000).toFixed(1)} s`);
  }
  console.log(`${CLUSTER_MUTATIONS.length - missed} of ${CLUSTER_MUTATIONS.length} found`);
  return missed === 0;
}

/** What is printed of a world: how it went, and where it failed the command that replays it. */
export function linesOfCluster(
  {
    seed,
    violation,
    revisions,
    acknowledged,
    unknown,
    carried,
    remoteStreams,
    connections,
    remoteConnections,
    relayed,
    remoteRelayed,
  }: ClusterResult,
  { minutes, servers }: Pick<ClusterSeeds, 'minutes' | 'servers'>,
): string[] {
  const went = violation === undefined ? 'ok' : `FAILED ${violation.check} at ${violation.atMs} ms: ${violation.text}`;
  const streams = `${carried} blocks carried, ${remoteStreams} streams between servers`;
  const direct = `${connections} connections, ${remoteConnections} between servers, ${relayed} blocks relayed, ${remoteRelayed} between servers`;
  const counts = `${revisions} revisions, ${acknowledged} acknowledged, ${unknown} unknown, ${streams}, ${direct}`;
  const line = `seed ${seed}, ${servers} servers, ${minutes} min: ${went}; ${counts}`;
  return violation === undefined ? [line] : [line, `again: ${replayWorld(`--servers ${servers}`, seed, minutes)}`];
}
