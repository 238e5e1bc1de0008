import type { Disk } from './disk.js';
import type { ServerLimits } from './server.js';
import type { Truth } from './truth.js';
import type { Verdict } from './verdict.js';

/** What every check of a run shares. */
export interface Scene {
  readonly truth: Truth;
  readonly verdict: Verdict;
  readonly disk: Disk;
  readonly limits: ServerLimits;
  nowMs(): number;
  /** Whether the server is up, and does not stand still. */
  serverRuns(): boolean;
}
