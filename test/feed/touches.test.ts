import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Touch, Touches } from '../../src/feed/touches.js';

const after = (touches: Touches, revision: number): [number, number, number][] => {
  const got: [number, number, number][] = [];
  touches.walk(revision, (...touch) => got.push(touch) > 0);
  return got;
};

describe('touches', () => {
  it('are all held past the floor, in order, and never more than the bound', () => {
    const touch = fc.record({ a: fc.nat(9), b: fc.nat(9) });
    const steps = fc.array(fc.array(touch, { maxLength: 4 }), { maxLength: 3_000, minLength: 0, size: 'max' });
    fc.assert(
      fc.property(steps, (revisions) => {
        const touches = new Touches(1_500, 0);
        const all: [number, number, number][] = [];
        revisions.forEach((list: Touch[], at) => {
          touches.append(at + 1, list);
          for (const { a, b } of list) all.push([at + 1, a, b]);
        });
        const { floor } = touches;
        for (const from of [floor, floor + 1, revisions.length - 1].filter((one) => one >= floor)) {
          expect(after(touches, from)).toEqual(all.filter(([revision]) => revision > from));
          expect(touches.countAfter(from)).toBe(all.filter(([revision]) => revision > from).length);
        }
        expect(touches.countAfter(0)).toBeLessThanOrEqual(1_500);
      }),
      { numRuns: 30 },
    );
  });

  it('can be walked until the visitor has enough', () => {
    const touches = new Touches(100, 0);
    for (let revision = 1; revision <= 9; revision++) touches.append(revision, [{ a: revision, b: 0 }]);
    const seen: number[] = [];
    touches.walk(3, (revision) => seen.push(revision) < 2);
    expect(seen).toEqual([4, 5]);
  });
});
