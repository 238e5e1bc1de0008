import { describe, expect, it } from '@jest/globals';
import { entriesOf, keysOf, tableOf } from '../../src/base/tables.js';

describe('a table', () => {
  const lengths = tableOf(['one', 'three'], (name) => name.length);

  it('has a value for each name, and nothing else', () => {
    expect(lengths).toEqual({ one: 3, three: 5 });
  });

  it('gives its names and its entries in their order', () => {
    expect(keysOf(lengths)).toEqual(['one', 'three']);
    expect(entriesOf(lengths)).toEqual([
      ['one', 3],
      ['three', 5],
    ]);
  });
});
