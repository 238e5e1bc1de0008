import { describe, expect, it } from '@jest/globals';
import { MUTATIONS } from '../../../harness/simulation/mutations.js';
import { planOf } from '../../../harness/simulation/plan.js';
import { simulate } from '../../../harness/simulation/run.js';
import { sampleOf } from '../../long.js';

const SEEDS_MAX = 16;
const MINUTES = 10;
/** `npm test` tries one of so many, and `npm run test:all` each: together they take many minutes. */
const ONE_OF = 5;
const tried = sampleOf(MUTATIONS, ONE_OF);

describe('the simulation', () => {
  it.each(tried)(
    'finds a server that was made to $name',
    async (mutation) => {
      let check: string | undefined;
      const first = mutation.seed ?? 1;
      for (let seed = first; check === undefined && seed < first + SEEDS_MAX; seed++) {
        check = (await simulate(planOf(seed, MINUTES), mutation)).violation?.check;
      }
      expect(check).toBeDefined();
    },
    240_000,
  );
});
