import { describe, expect, it } from '@jest/globals';
import { numberVariable } from '../../../harness/number-option.js';
import { ALONE_MUTATIONS } from '../../../harness/simulation/alone/mutations.js';
import { compareAlone } from '../../../harness/simulation/alone/world.js';
import { IS_LONG } from '../../long.js';

/** How long fresh seeds are tried in each run of the tests, and the limit of a single test. */
const FRESH_MS = IS_LONG ? 60_000 : 3_000;
const LIMIT_MS = 300_000;
const MINUTES = 0.5;

describe('two networks of a simulated server whose histories interleave', () => {
  it('have both a history that is long enough to compare', async () => {
    const { violation, counts } = await compareAlone(7, MINUTES);
    expect(violation).toBeUndefined();
    const all = Object.values(counts);
    expect(all).toHaveLength(2);
    for (const { records, messages } of all) {
      expect(records).toBeGreaterThan(50);
      expect(messages).toBeGreaterThan(200);
    }
  });

  it(
    'have each exactly the journal and the messages that it has alone, byte for byte, in worlds of fresh seeds',
    async () => {
      const first = numberVariable('SIMULATION_SEED') ?? Date.now() % 1_000_000_000;
      const from = performance.now();
      for (let seed = first; seed === first || performance.now() - from < FRESH_MS; seed++) {
        const { violation } = await compareAlone(seed, MINUTES);
        const again = `SIMULATION_SEED=${seed} repeats it`;
        expect(violation === undefined ? '' : `${violation.check}: ${violation.text}\n${again}`).toBe('');
      }
    },
    LIMIT_MS,
  );

  it.each(ALONE_MUTATIONS)('have not when told to $name', async ({ seed, minutes, tamper }) => {
    const { violation } = await compareAlone(seed, minutes, tamper);
    expect(violation).toMatchObject({ check: 'Alone', text: expect.any(String) });
  });
});
