import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../harness/seed.js';
import { EntryTable } from '../../src/base/entry-table.js';

describe('a table of entries', () => {
  it('keeps them as a Map does', () => {
    const key = fc.integer({ min: 1, max: 12 });
    const action = fc.record({ kind: fc.constantFrom('set', 'delete'), key });
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const table = new EntryTable<number, object>();
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

  it('has names of its own only, as a key too', () => {
    const table = new EntryTable<string, number>();
    expect([table.get('toString'), table.delete('constructor')]).toEqual([undefined, false]);
    table.set('__proto__', 7);
    expect([table.get('__proto__'), table.size]).toEqual([7, 1]);
  });

  it('is gone through without those that are deleted meanwhile', () => {
    const table = new EntryTable<number, number>();
    for (const key of [5, 1, 3]) table.set(key, key);
    const seen: number[] = [];
    table.forEach((value) => {
      seen.push(value);
      table.delete(3);
    });
    expect(seen).toEqual([1, 5]);
  });
});
