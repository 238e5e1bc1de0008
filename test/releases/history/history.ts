import { ACTS, type Act, leaveOrderOpen } from './acts.js';
import { BOUND_ACTS } from './bounds.js';
import { CONNECTION_ACTS, leaveConnectionsOpen } from './connections.js';
import { Yard } from './yard.js';

/** Fewer members than this, and acts find nobody to act upon. */
const MEMBERS_AT_FIRST = 40;
/** Acts between two restarts of the server. */
const ACTS_A_RUN = 500;

/**
 * Lets a real server with this data folder live through so many acts, and closes it. The same seed gives the same
 * commands; the server starts again now and then, as servers do.
 */
export async function makeHistory(folder: string, seed: number, acts: number): Promise<Yard> {
  const yard = new Yard(folder, seed);
  const table = [...ACTS, ...CONNECTION_ACTS];
  await yard.start();
  for (let joined = 0; joined < MEMBERS_AT_FIRST; joined++) await table[0]![0](yard);
  for (let act = 1; act <= acts; act++) {
    await drawAct(yard, table)(yard);
    if (act % ACTS_A_RUN !== 0) continue;
    for (const reachBound of BOUND_ACTS) await reachBound(yard);
    await yard.stop();
    await yard.start();
  }
  await leaveOrderOpen(yard);
  await leaveConnectionsOpen(yard);
  await yard.stop();
  return yard;
}

function drawAct({ random }: Yard, table: readonly (readonly [Act, number])[]): Act {
  let left = random.below(table.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [act, weight] of table) if ((left -= weight) < 0) return act;
  throw new Error('the weights of the acts do not add up');
}
