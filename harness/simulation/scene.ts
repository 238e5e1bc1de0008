import type { Limits } from '../../src/core/model/limits.js';
import type { Disk } from './machine/disk.js';
import type { ServerLimits } from './machine/server.js';
import type { Truth } from './truth.js';
import type { Verdict } from './verdict.js';

/** What every check of a run shares, be the run simulated or real. */
export interface Scene {
  readonly truth: Truth;
  readonly verdict: Verdict;
  readonly limits: { readonly core: Limits };
}

/** What the checks share that look into the server: only a simulated one lets them. */
export interface ServerScene extends Scene {
  readonly disk: Disk;
  readonly limits: ServerLimits;
  nowMs(): number;
  /** Whether the server is up, and does not stand still. */
  serverRuns(): boolean;
}

/** How much later than due what time has decided may be stored: ticks, retries, a slow disk. */
export const STORED_LATE_MS = 15_000;

/** Whether the server can store in that time: it is up, its disk takes what comes, and all that may wait for it in turn. */
export function storesInTime({ serverRuns, disk, limits: { replica } }: ServerScene): boolean {
  const appends = Math.ceil((2 * replica.pendingMax) / replica.batchMax);
  return serverRuns() && !disk.isRefusing && disk.slownessMs * appends <= STORED_LATE_MS;
}
