import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../../harness/seed.js';
import { ReachedSlots } from '../../../../src/core/store/packed/reached-slots.js';

/** A graph has no slot beyond: what lies further apart only takes memory. */
const SLOTS_MAX = 8_388_608;

describe('the slots that a search has reached', () => {
  it(`are found with where they were reached from, however many they are (seed ${SEED})`, () => {
    const counts = fc.constantFrom(1, 31, 32, 33, 1_000, 16_383, 16_384, 16_385, 50_000);
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 4_097 }), (count, apart) => {
        const stride = Math.min(apart, Math.floor(SLOTS_MAX / count));
        const reached = new ReachedSlots();
        for (let at = 0; at < count; at++) reached.add(at * stride, count - at);
        let wrong = 0;
        for (let at = 0; at < count; at++) {
          if (!reached.has(at * stride) || reached.get(at * stride) !== count - at) wrong++;
          if (stride > 1 && reached.has(at * stride + 1)) wrong++;
        }
        if (reached.has(count * stride)) wrong++;
        expect(wrong).toBe(0);
      }),
      { seed: SEED, numRuns: 60 },
    );
  });
});
