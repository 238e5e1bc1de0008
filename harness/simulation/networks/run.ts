// `npm run simulate -- --networks` comes here: worlds of one server with several networks, each made of one number.
import { replayWorld } from '../replay.js';
import { NETWORKS_MUTATIONS } from './mutations.js';
import { type NetworksResult, NetworksWorld } from './world.js';

/** Which worlds. */
export interface NetworksSeeds {
  readonly seed: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly follow?: ((line: string) => void) | undefined;
}

/** Runs so many worlds, and prints how each went. True: nothing was wrong. */
export async function simulateNetworks({ seed, seeds, minutes, follow }: NetworksSeeds): Promise<boolean> {
  let failed = 0;
  for (let at = 0; at < seeds; at++) {
    const result = await new NetworksWorld(seed + at, {}, follow).run(minutes);
    if (result.violation !== undefined) failed++;
    console.log(linesOfNetworks(result, minutes).join('\n'));
  }
  console.log(`${failed} of ${seeds} failed`);
  return failed === 0;
}

/** Puts each deliberate fault into a world that meets it, and looks whether it is found. True: all were. */
export async function mutateNetworks(): Promise<boolean> {
  let missed = 0;
  for (const mutation of NETWORKS_MUTATIONS) {
    const { violation } = await new NetworksWorld(mutation.seed, mutation).run(mutation.minutes);
    if (violation?.check !== 'Apart') missed++;
    console.log(`${mutation.name}: ${violation?.text ?? 'MISSED'}`);
  }
  console.log(`${NETWORKS_MUTATIONS.length - missed} of ${NETWORKS_MUTATIONS.length} found`);
  return missed === 0;
}

/** What is printed of a world: how it went, and where it failed the command that replays it. */
export function linesOfNetworks({ seed, violation, starts, heard, hash }: NetworksResult, minutes: number): string[] {
  const went = violation === undefined ? 'ok' : `FAILED ${violation.check} at ${violation.atMs} ms: ${violation.text}`;
  const counts = Object.entries(heard).map(([what, count]) => `${what} ${count}`);
  const line = `seed ${seed}, ${minutes} min: ${went}; ${starts} starts, heard ${counts.join(', ')}, ${hash}`;
  return violation === undefined ? [line] : [line, `again: ${replayWorld('--networks', seed, minutes)}`];
}
