import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../../harness/seed.js';
import { IdSet } from '../../../../src/core/store/packed/id-set.js';

describe('the set of ids', () => {
  it(`is a set that is read in its order, from any number on (seed ${SEED})`, () => {
    const number = fc.oneof(fc.nat({ max: 70 }), fc.integer({ min: 1020, max: 1030 }), fc.constant(2 ** 18));
    const acts = fc.array(fc.tuple(fc.boolean(), number), { maxLength: 100, size: 'max' });
    fc.assert(
      fc.property(acts, number, (all, first) => {
        const ids = new IdSet();
        const model = new Set<number>();
        for (const [isAdded, one] of all) {
          if (isAdded) ids.add(one);
          else ids.delete(one);
          if (isAdded) model.add(one);
          else model.delete(one);
        }
        const wanted = [...model].filter((one) => one >= first).sort((one, other) => one - other);
        expect([...ids.from(first)]).toEqual(wanted);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('goes on behind what goes and comes while it is read', () => {
    const ids = new IdSet();
    for (const one of [1, 5, 2000]) ids.add(one);
    const reading = ids.from(0)[Symbol.iterator]();
    expect(reading.next().value).toBe(1);
    ids.delete(1);
    ids.delete(5);
    ids.add(6);
    ids.add(3000);
    expect([...{ [Symbol.iterator]: () => reading }]).toEqual([2000, 3000]);
  });
});
