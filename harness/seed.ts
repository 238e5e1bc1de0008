import { numberVariable } from './number-option.js';

/**
 * The seed of every property test of this run. Each names it in its title, so a failure can be had again:
 *
 *     SWITCHYARD_SEED=12345 npm run jest -- test/core
 *
 * Another run, another seed: what one does not find the next may.
 */
export const SEED = numberVariable('SWITCHYARD_SEED') ?? (Date.now() ^ (process.pid << 16)) & 0x7fffffff;
