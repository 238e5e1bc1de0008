import { describe, expect, it } from '@jest/globals';
import { numberVariable } from '../../../harness/number-option.js';
import { NETWORKS_MUTATIONS } from '../../../harness/simulation/networks/mutations.js';
import { linesOfNetworks } from '../../../harness/simulation/networks/run.js';
import { NetworksWorld } from '../../../harness/simulation/networks/world.js';
import { IS_LONG } from '../../long.js';

/** How long fresh seeds are tried in each run of the tests, and the limit of a single test. */
const FRESH_MS = IS_LONG ? 60_000 : 3_000;
const LIMIT_MS = 300_000;
const MINUTES = 1;

describe('a simulated server with several networks', () => {
  it('is the same every time that it is made of one seed', async () => {
    const [one, other] = [await new NetworksWorld(7).run(0.5), await new NetworksWorld(7).run(0.5)];
    expect(one.violation).toBeUndefined();
    expect(other).toEqual(one);
  });

  it('is printed with the command that replays it where it failed, and without where it did not', async () => {
    const went = await new NetworksWorld(7).run(0.5);
    expect(linesOfNetworks(went, 0.5)).toHaveLength(1);
    expect(linesOfNetworks({ ...went, violation: { check: 'Apart', text: 'heard', atMs: 5 } }, 0.5)).toEqual([
      expect.stringContaining('FAILED Apart at 5 ms: heard'),
      'again: npm run simulate -- --networks --seed 7 --minutes 0.5',
    ]);
  });

  it('lets every kind of thing be heard that could cross, over restarts and a network that is dropped', async () => {
    const { violation, heard, starts } = await new NetworksWorld(11).run(2);
    expect(violation).toBeUndefined();
    expect(starts).toBeGreaterThan(2);
    const kinds = ['epoch', 'node', 'session', 'end', 'stream', 'order', 'reason', 'resumed', 'token'];
    expect(kinds.filter((kind) => (heard[kind] ?? 0) < 3)).toEqual([]);
  });

  it(
    'keeps its networks apart in worlds that nobody has seen before',
    async () => {
      const first = numberVariable('SIMULATION_SEED') ?? Date.now() % 1_000_000_000;
      const from = performance.now();
      for (let seed = first; seed === first || performance.now() - from < FRESH_MS; seed++) {
        const result = await new NetworksWorld(seed).run(MINUTES);
        expect(linesOfNetworks(result, MINUTES)).toEqual([expect.stringContaining(': ok; ')]);
      }
    },
    LIMIT_MS,
  );

  it.each(NETWORKS_MUTATIONS)('does not when told to $name', async (mutation) => {
    const { violation } = await new NetworksWorld(mutation.seed, mutation).run(mutation.minutes);
    expect(violation?.check).toBe('Apart');
  });
});
