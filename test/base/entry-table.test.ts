import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../harness/seed.js';
import { EntryTable } from '../../src/base/entry-table.js';

describe('a table of entries', () => {
  it('keeps them as a Map does', () => {
    const key = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }));
    const action = fc.record({ kind: fc.constantFrom('set', 'delete'), key });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const table = new EntryTable<object>();
        const map = new Map<number, object>();
        for (const { kind, key } of actions) {
          if (kind === 'delete') expect(table.delete(key)).toBe(map.delete(key));
          else {
            const value = {};
            table.set(key, value);
            map.set(key, value);
          }
          expect(table.size).toBe(map.size);
          expect(table.get(key)).toBe(map.get(key));
        }
        const all = new Set<object>();
        table.forEach((value) => void all.add(value));
        expect(all).toEqual(new Set(map.values()));
      }),
      { seed: SEED },
    );
  });

  it('has as many entries as come, and as few places as suit those that are left', () => {
    const table = new EntryTable<number>();
    for (let key = 1; key <= 20_000; key++) table.set(key, key);
    for (let key = 1; key < 20_000; key++) expect(table.delete(key)).toBe(true);
    expect([table.size, table.get(20_000), table.get(19_999), table.delete(7)]).toEqual([1, 20_000, undefined, false]);
  });

  it('is gone through without those that are deleted meanwhile', () => {
    const table = new EntryTable<number>();
    for (const key of [5, 1, 3]) table.set(key, key);
    const seen: number[] = [];
    table.forEach((value) => {
      seen.push(value);
      table.delete(3);
    });
    expect(seen.filter((value) => value !== 3).sort()).toEqual([1, 5]);
    expect(seen.indexOf(3)).toBeLessThanOrEqual(0);
  });
});
