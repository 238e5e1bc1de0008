import { describe, expect, it } from '@jest/globals';
import { inside, StaleMutationError } from '../../../harness/simulation/machine/inside.js';
import { worldOf } from '../../../harness/simulation/mutations/mutation.js';
import { MUTATIONS } from '../../../harness/simulation/mutations.js';
import { planOf } from '../../../harness/simulation/plan.js';
import { simulate } from '../../../harness/simulation/run.js';
import { sampleOf } from '../../long.js';

const LIMIT_MS = 120_000;
/** The worlds of the mutations, each once. */
const worlds = [
  ...new Map(
    MUTATIONS.map((one) => {
      const plan = worldOf(one);
      return [`${one.seed} of ${one.minutes} minutes${plan.isOnEtcd ? ' on etcd' : ''}`, plan];
    }),
  ),
];

describe('the simulation', () => {
  it.each(sampleOf(MUTATIONS, 4))(
    'finds by its check $finds a server that was made to $name',
    async (mutation) => {
      const { violation } = await simulate(worldOf(mutation), mutation);
      // The text too: it says what else was found.
      expect(violation).toMatchObject({ check: mutation.finds, text: expect.any(String) });
    },
    LIMIT_MS,
  );

  it.each(sampleOf(worlds, 8))(
    'finds nothing in the world of a mutation without it: seed %s',
    async (_name, plan) => {
      expect((await simulate(plan)).violation).toBeUndefined();
    },
    LIMIT_MS,
  );

  it('says by name what a mutation reaches for and the server no longer has', async () => {
    class Part {
      kept = 1;
    }
    expect(inside<{ kept: number }>(new Part(), 'kept').kept).toBe(1);
    const server = () => void inside<{ kept: number; gone(): void }>(new Part(), 'kept', 'gone');
    expect(server).toThrow(new StaleMutationError('Part has no gone any more'));
    const { violation } = await simulate({ ...planOf(1, 1), steps: [] }, { server });
    expect(violation).toMatchObject({ check: 'Stale', text: 'Part has no gone any more' });
  });
});
