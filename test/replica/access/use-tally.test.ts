import { describe, expect, it } from '@jest/globals';
import { UseSketch } from '../../../src/replica/access/use-sketch.js';
import { UseTally } from '../../../src/replica/access/use-tally.js';

const makeTally = (max: number) => new UseTally(max, () => new UseSketch([5, 6]));

describe('a tally with a bounded number of places', () => {
  it('keeps the highest counts exactly, and that of each name without a place, however many come', () => {
    const tally = makeTally(4);
    for (const [name, count] of Object.entries({ big: 900, middle: 50, small: 7 })) tally.add(name, count);
    for (let n = 0; n < 10_000; n++) tally.add(`new ${n}`, 1);
    expect([tally.size, tally.of('big'), tally.of('middle'), tally.of('small')]).toEqual([4, 900, 50, 7]);
    expect([tally.of('new 1'), tally.of('new 9999'), tally.of('another')]).toEqual([1, 1, 0]);
  });

  it('takes the place of the one that is the smallest now, not of the one that was when it came', () => {
    const tally = makeTally(3);
    for (const name of ['a', 'b', 'c']) tally.add(name, 1);
    tally.add('a', 100);
    tally.add('c', 10);
    tally.add('d', 5);
    expect(['a', 'b', 'c', 'd'].map((name) => tally.of(name))).toEqual([101, 1, 11, 5]);
    tally.add('b', 3);
    expect(['a', 'b', 'c', 'd'].map((name) => tally.of(name))).toEqual([101, 4, 11, 5]);
    expect([...tally.entries()].map(([name]) => name)).toEqual(['a', 'c', 'd']);
    tally.add('b', 3);
    expect(new Map(tally.entries())).toEqual(
      new Map([
        ['a', 101],
        ['c', 11],
        ['b', 7],
      ]),
    );
    expect(tally.of('d')).toBe(5);
  });

  it('does what counting all names does, over 20,000 random steps', () => {
    const max = 16;
    const tally = makeTally(max);
    const all = new Map<string, number>();
    const placed = new Set<string>();
    let seed = 12_345;
    const draw = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    let evictions = 0;
    for (let step = 0; step < 20_000; step++) {
      // Each count once, so that there is one smallest.
      const [name, count] = [`n${draw(40)}`, step + draw(1_000) * 100_000 + 1];
      const total = (all.get(name) ?? 0) + count;
      all.set(name, total);
      if (!placed.has(name) && placed.size === max) {
        const smallest = [...placed].reduce((one, other) => (all.get(other)! < all.get(one)! ? other : one));
        if (total > all.get(smallest)!) {
          placed.delete(smallest);
          placed.add(name);
          evictions++;
        }
      } else placed.add(name);
      tally.add(name, count);
    }
    expect(new Map([...all.keys()].map((name) => [name, tally.of(name)]))).toEqual(all);
    expect(new Set([...tally.entries()].map(([name]) => name))).toEqual(placed);
    expect(evictions).toBeGreaterThan(100);
  });

  it('gives up the place of a name that is deleted, whichever it is, and keeps the highest counts of the others, over 20,000 random steps', () => {
    const max = 16;
    const tally = makeTally(max);
    const all = new Map<string, number>();
    let seed = 54_321;
    const draw = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    let deleted = 0;
    for (let step = 0; step < 20_000; step++) {
      const name = `n${draw(12)}`;
      if (draw(3) === 0) {
        expect(tally.delete(name)).toBe(all.delete(name));
        deleted++;
      } else {
        const count = step + draw(1_000) * 100_000 + 1;
        all.set(name, (all.get(name) ?? 0) + count);
        tally.add(name, count);
      }
      expect(new Map(tally.entries())).toEqual(all);
    }
    expect(deleted).toBeGreaterThan(1_000);
    // Fill it, and each newcomer takes the place of the smallest: the heap is in order.
    for (let n = tally.size; n < max; n++) tally.add(`small ${n}`, n);
    const smallest = () => [...tally.entries()].reduce((one, other) => (other[1] < one[1] ? other : one))[0];
    for (let n = 0; n < max; n++) {
      const leaving = smallest();
      tally.add(`large ${n}`, 1e15 + n);
      expect(new Map(tally.entries()).has(leaving)).toBe(false);
    }
  });

  it('counts nothing twice where one name has the only place', () => {
    const tally = makeTally(1);
    for (const name of ['a', 'b', 'a']) tally.add(name, 2);
    expect([[...tally.entries()], tally.of('b')]).toEqual([[['a', 4]], 2]);
  });
});
