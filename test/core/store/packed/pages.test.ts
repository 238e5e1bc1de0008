import { describe, expect, it } from '@jest/globals';
import { Float64Pages, Int32Pages } from '../../../../src/core/store/packed/pages.js';

describe('a column in pages', () => {
  it('makes room as far as it is asked to, filled with zeros, and keeps what it has', () => {
    const column = new Int32Pages();
    expect(column.capacity).toBe(0);
    column.reach(0);
    column.set(0, -1);
    column.reach(100_000);
    expect(column.capacity).toBeGreaterThan(100_000);
    column.set(100_000, 2 ** 31 - 1);
    expect([column.get(0), column.get(1), column.get(99_999), column.get(100_000)]).toEqual([-1, 0, 0, 2 ** 31 - 1]);
    const { capacity } = column;
    column.reach(5);
    expect(column.capacity).toBe(capacity);
  });

  it('is copied as it is: neither hears of what the other sets, nor a copy of either', () => {
    const column = new Int32Pages();
    column.reach(10_000);
    column.set(1, 1);
    column.set(9_000, 1);
    const copy = column.copy();
    const second = column.copy();
    const third = copy.copy();
    column.set(1, 2);
    copy.set(9_000, 3);
    column.reach(50_000);
    const seen = [column, copy, second, third].map((one) => [one.get(1), one.get(9_000)]);
    expect(seen).toEqual([
      [2, 1],
      [1, 3],
      [1, 1],
      [1, 1],
    ]);
    expect(copy.capacity).toBeLessThan(column.capacity);
  });

  it('sets again and again in a page that it has made its own', () => {
    const column = new Int32Pages();
    column.reach(0);
    const before = column.copy();
    for (let at = 0; at < 10; at++) column.set(at, at + 1);
    const after = column.copy();
    column.set(0, 99);
    expect([before.get(0), after.get(0), after.get(9), column.get(0)]).toEqual([0, 1, 10, 99]);
  });
});

describe('a column of larger numbers', () => {
  it('makes room a page at a time, and keeps what it has', () => {
    const column = new Float64Pages();
    column.reach(3);
    column.set(3, -0.5);
    column.reach(9_000);
    column.set(9_000, Number.POSITIVE_INFINITY);
    expect([column.get(3), column.get(4), column.get(9_000)]).toEqual([-0.5, 0, Number.POSITIVE_INFINITY]);
  });
});
