import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../../harness/seed.js';
import { SlotIndex } from '../../../../src/core/store/packed/slots.js';

describe('the slot index', () => {
  it('knows nothing that was not put in, whatever the number', () => {
    const index = new SlotIndex();
    index.set(0x102, 0);
    for (const sid of [0, -1, 0x101, 0x103, 0x202, 0x7fffffff, -0x7ffffefe, 0x80000102, 0xffffffff]) {
      expect(index.get(sid)).toBe(-1);
    }
    expect(index.get(0x102)).toBe(0);
  });

  it('lists SIDs by pool and base, past any one, of one type or of all', () => {
    const index = new SlotIndex();
    const [first, far, other, flavored] = [0x102, 5000 * 256 + 2, 0x103, 0x10a];
    for (const sid of [flavored, far, other, first]) index.set(sid, 7);
    expect([...index.after(0, 0)]).toEqual([first, far, other, flavored]);
    expect([...index.after(first, 0)]).toEqual([far, other, flavored]);
    expect([...index.after(0x202, 0)]).toEqual([far, other, flavored]);
    expect([...index.after(0, 2)]).toEqual([first, far, flavored]);
    expect([...index.after(far, 3)]).toEqual([other]);
    expect([...index.after(flavored, 0)]).toEqual([]);
  });

  it(`is a map (seed ${SEED})`, () => {
    const base = fc.oneof(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1020, max: 1030 }),
      fc.constant(2 ** 23 - 1),
    );
    const sid = fc.tuple(base, fc.constantFrom(2, 3, 255)).map(([high, pool]) => (high << 8) | pool);
    fc.assert(
      fc.property(fc.array(fc.tuple(sid, fc.nat({ max: 2 ** 24 })), { maxLength: 60, size: 'max' }), (toggles) => {
        const index = new SlotIndex();
        const model = new Map<number, number>();
        for (const [one, slot] of toggles) {
          if (model.delete(one)) index.delete(one);
          else {
            index.set(one, slot);
            model.set(one, slot);
          }
          const wrong = toggles.filter(([asked]) => index.get(asked) !== (model.get(asked) ?? -1));
          expect(wrong).toEqual([]);
        }
        const order = (x: number, y: number) => (x & 255) - (y & 255) || x - y;
        expect([...index.after(0, 0)]).toEqual([...model.keys()].sort(order));
        const ascending = [...model.keys()].sort((x, y) => x - y);
        for (const after of [0, ...ascending, 0x302]) {
          expect([...index.ascending(after)]).toEqual(ascending.filter((one) => one > after));
        }
      }),
      { seed: SEED, numRuns: 50 },
    );
  });
});
