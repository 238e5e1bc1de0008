import type { Remembered } from '../../../src/cluster/log-memory.js';
import type { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import type { Scheduler } from '../machine/scheduler.js';
import type { Verdict } from '../verdict.js';
import type { Ledger } from './ledger.js';
import type { ClusterServer } from './server.js';

/** One machine of a world of several servers, with its disk: its server comes and goes. */
export interface Place {
  readonly name: string;
  server: ClusterServer | undefined;
  process: Process | undefined;
  store: 'passes' | 'lost' | 'unanswered';
  /** How many processes it has had. */
  lives: number;
  /** What it remembers on its own disk. */
  memory: Remembered | undefined;
  /** When something was last done to it. */
  disturbedMs: number;
}

/** What the parts of a world of several servers have in common. */
export interface ClusterScene {
  readonly scheduler: Scheduler;
  readonly verdict: Verdict;
  readonly ledger: Ledger;
  readonly random: SeededRandom;
  readonly places: readonly Place[];
  /** Nothing goes wrong any more, and nobody begins anything. */
  readonly isCalm: boolean;
  /** All servers are about to be stopped in order. */
  readonly isRestoring: boolean;
  /** Counts restores of etcd: what was acknowledged before one is no longer so. */
  readonly life: number;
}

/** The servers that answer calls now. */
export function answering({ places }: Pick<ClusterScene, 'places'>): ClusterServer[] {
  return places.flatMap(({ server }) => (server?.isUp && !server.process.isStopped ? [server] : []));
}
