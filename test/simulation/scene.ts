import type { Limits } from '../../src/core/limits.js';
import type { Disk } from './disk.js';
import type { ServerLimits } from './server.js';
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
