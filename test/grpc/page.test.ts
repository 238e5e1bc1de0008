import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Checked } from '../../src/core/check.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { firstAfter, pageTokenOf, readPage } from '../../src/grpc/page.js';
import { DEFAULT_DOOR_LIMITS } from '../../src/limits.js';

describe('a page', () => {
  it('begins where its token says, whatever the key was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (key) => {
        const checked = new Checked(DEFAULT_LIMITS);
        const page = readPage(checked, DEFAULT_DOOR_LIMITS, { pageSize: 7, pageToken: pageTokenOf(key) });
        expect(page).toEqual({ after: key, size: 7 });
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
});
