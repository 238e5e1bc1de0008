import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Checked } from '../../../src/core/decide/check.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { fillPage, firstAfter, pageTokenOf, readPage } from '../../../src/grpc/services/page.js';

describe('a page', () => {
  it('begins where its token says, whatever the key was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (key) => {
        const checked = new Checked(DEFAULT_LIMITS);
        const page = readPage(checked, DEFAULT_DOOR_LIMITS, { pageSize: 7, pageToken: pageTokenOf(key) });
        expect(page).toMatchObject({ after: key, size: 7 });
        expect(checked.violations).toEqual([]);
      }),
    );
  });

  it('takes no token that it did not make', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (pageToken) => {
        const checked = new Checked(DEFAULT_LIMITS);
        const { after } = readPage(checked, DEFAULT_DOOR_LIMITS, { pageSize: 0, pageToken });
        expect(checked.violations.length === 0).toBe(pageToken === pageTokenOf(after) && after > 0);
      }),
    );
  });

  it('holds the first keys past the one before, in any order that they come', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(200)), fc.nat(200), fc.integer({ min: 1, max: 20 }), (keys, after, count) => {
        const wanted = keys.filter((key) => key > after).sort((x, y) => x - y);
        expect(firstAfter(keys, after, count)).toEqual(wanted.slice(0, count));
      }),
    );
  });

  it('is full by count or by bytes, whichever comes first, and never empty where there is something', () => {
    const wanted = { after: 0, size: 3, bytesMax: 10 };
    const fill = (...items: number[]) => fillPage(items, wanted, (item) => item);
    expect(fill()).toEqual({ page: [], hasMore: false });
    expect(fill(1, 1, 1)).toEqual({ page: [1, 1, 1], hasMore: false });
    expect(fill(1, 1, 1, 1)).toEqual({ page: [1, 1, 1], hasMore: true });
    expect(fill(4, 7, 1)).toEqual({ page: [4, 7], hasMore: true });
    expect(fill(100, 1)).toEqual({ page: [100], hasMore: true });
  });
});
