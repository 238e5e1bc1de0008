import { describe, expect, it } from '@jest/globals';
import { UseTally } from '../../../src/replica/access/use-tally.js';

describe('a tally of a bounded number of names', () => {
  it('gives the place of the smallest count to a new name, however many come', () => {
    const tally = new UseTally(4);
    for (const [name, count] of Object.entries({ big: 900, middle: 50, small: 7 })) tally.add(name, count);
    for (let n = 0; n < 10_000; n++) tally.add(`new ${n}`, 1);
    expect([tally.size, tally.of('big'), tally.of('middle'), tally.of('small')]).toEqual([4, 900, 50, 7]);
    expect(tally.of('new 9999')).toBe(1);
  });

  it('takes the place of the one that is the smallest now, not of the one that was when it came', () => {
    const tally = new UseTally(3);
    for (const name of ['a', 'b', 'c']) tally.add(name, 1);
    tally.add('a', 100);
    tally.add('c', 10);
    tally.add('d', 5);
    expect(['a', 'b', 'c', 'd'].map((name) => tally.of(name))).toEqual([101, 0, 11, 5]);
    tally.add('b', 3);
    expect(['a', 'b', 'c', 'd'].map((name) => tally.of(name))).toEqual([101, 3, 11, 0]);
  });

  it('does what a search for the smallest does, over 20,000 random steps', () => {
    const max = 16;
    const tally = new UseTally(max);
    const model = new Map<string, number>();
    let seed = 12_345;
    const draw = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    let evictions = 0;
    for (let step = 0; step < 20_000; step++) {
      // Each count once, so that there is one smallest.
      const [name, count] = [`n${draw(40)}`, step + draw(1_000) * 100_000 + 1];
      if (!model.has(name) && model.size === max) {
        const [smallest] = [...model].reduce((one, other) => (other[1] < one[1] ? other : one));
        model.delete(smallest);
        evictions++;
      }
      model.set(name, (model.get(name) ?? 0) + count);
      tally.add(name, count);
    }
    expect(new Map(tally.entries())).toEqual(model);
    expect(evictions).toBeGreaterThan(100);
  });

  it('counts nothing twice where one name has the only place', () => {
    const tally = new UseTally(1);
    for (const name of ['a', 'b', 'a']) tally.add(name, 2);
    expect([...tally.entries()]).toEqual([['a', 2]]);
  });
});
