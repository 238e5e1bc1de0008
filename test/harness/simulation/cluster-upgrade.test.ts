import { describe, expect, it, jest } from '@jest/globals';

/* All servers have a core that knows second rules; one says with its name that it does not, and then reads none. */
jest.unstable_mockModule('../../../src/core/model/rules.js', () => ({ Rules: { FIRST: 1, SECOND: 2 }, RULES_MAX: 2 }));

const { LOG_MUTATIONS, upgrading } = await import('../../../harness/simulation/cluster/log-mutations.js');
const { ClusterWorld } = await import('../../../harness/simulation/cluster/world.js');

const LIMIT_MS = 300_000;
const MINUTES = 4;

describe('a simulated world whose servers are upgraded as they come and go', () => {
  it(
    'keeps its word, and comes to the later rules',
    async () => {
      const world = new ClusterWorld(5, 3, { known: upgrading });
      const { violation, acknowledged } = await world.run(MINUTES);
      expect(violation).toBeUndefined();
      expect(acknowledged).toBeGreaterThan(100);
      expect(world.places.map(({ lives }) => lives > 1)).toEqual([true, true, true]);
      expect(world.places.map(({ server }) => server?.state.rules)).toEqual([2, 2, 2]);
    },
    LIMIT_MS,
  );

  it(
    'finds a leader that stores rules which a live server does not know',
    async () => {
      const mutation = LOG_MUTATIONS.find(({ finds }) => finds === 'Readable')!;
      const { violation } = await new ClusterWorld(mutation.seed, 3, mutation).run(mutation.minutes);
      expect(violation?.check).toBe('Readable');
    },
    LIMIT_MS,
  );
});
