import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Instance, InstanceType, Switchyard } from '../../../src/client/index.js';
import type { Started } from '../parts/process.js';

const SESSIONS = 2_000;
const LOOK_MS = 10;
const PATIENCE_MS = 120_000;

/** What came of the sessions of a server that was killed. */
export interface Returned {
  /** From its death until all sessions were attached again. */
  readonly backMs: number;
  /** Sessions that are not the ones of before. */
  readonly lost: number;
}

/** Kills one of several servers to which 2,000 sessions are attached in all. */
export async function loseOne(servers: readonly Started[], lost: Started): Promise<Returned> {
  const yard = new Switchyard({ server: servers.map(({ port }) => `127.0.0.1:${port}`) });
  const join = () => yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'bench' });
  const instances: Instance[] = Array.from({ length: SESSIONS }, join);
  await until(instances);
  const sids = instances.map(({ session }) => session?.cvid);
  const startMs = performance.now();
  await lost.stop();
  // Their clients hear of it in the next turn.
  await sleep(LOOK_MS);
  await until(instances);
  const backMs = performance.now() - startMs;
  const others = instances.filter(({ session }, at) => session?.cvid !== sids[at]).length;
  await yard.close();
  return { backMs, lost: others };
}

async function until(instances: readonly Instance[]): Promise<void> {
  const startMs = performance.now();
  while (instances.some(({ state }) => state !== 'attached')) {
    if (performance.now() - startMs > PATIENCE_MS) throw new Error('not all sessions are attached');
    await sleep(LOOK_MS);
  }
}
