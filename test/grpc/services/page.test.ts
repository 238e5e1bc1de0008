import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Checked } from '../../../src/core/decide/check.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { FirstKeys, fillPage, type PagedList, pageTokenOf, readPage } from '../../../src/grpc/services/page.js';

const LIST = { method: 'ListSessions', filter: { instance_type: 2, instance_uuid: '' } };

/** A page as it is read, and what is wrong with it. */
function read(pageToken: string, list: PagedList = LIST, pageSize = 7) {
  const checked = new Checked(DEFAULT_LIMITS);
  const page = readPage(checked, DEFAULT_DOOR_LIMITS, list, { pageSize, pageToken });
  return { ...page, wrong: checked.violations };
}

describe('a page', () => {
  it('begins where its token says, whatever the key was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (key) => {
        expect(read(pageTokenOf(LIST, key))).toMatchObject({ after: key, size: 7, wrong: [] });
      }),
    );
  });

  it('takes no token that it did not make', () => {
    const texts = fc.constantFrom('ListSessions instance_type=2 after ', '1', '01', ' after 1', '-', 'NaN', '\xe9');
    const token = fc.oneof(
      fc.string({ minLength: 1 }),
      fc
        .array(texts, { minLength: 1, maxLength: 4 })
        .map((parts) => Buffer.from(parts.join(''), 'latin1').toString('base64url')),
    );
    fc.assert(
      fc.property(token, (pageToken) => {
        const { after, wrong } = read(pageToken);
        expect(wrong.length === 0).toBe(after > 0 && pageToken === pageTokenOf(LIST, after));
      }),
    );
  });

  it.each<[string, PagedList]>([
    ['ListStreams cvid=258', { method: 'ListStreams', filter: { cvid: 258 } }],
    ['ListSessions', { method: 'ListSessions', filter: { instance_type: 0, instance_uuid: '' } }],
    ['ListSessions instance_type=3', { method: 'ListSessions', filter: { instance_type: 3, instance_uuid: '' } }],
    ['ListConnections', { method: 'ListConnections', filter: {} }],
  ])('refuses the token of %s by its name', (name, other) => {
    const description = `a next_page_token of ${name}; this is ListSessions instance_type=2`;
    expect(read(pageTokenOf(other, 9)).wrong).toEqual([{ field: 'page_token', description }]);
  });

  it('is cut to the bound, and of the default size when none is asked for', () => {
    const { pageSizeMax, pageSizeDefault } = DEFAULT_DOOR_LIMITS;
    expect([1, pageSizeMax, pageSizeMax + 1, 2 ** 31 - 1].map((size) => read('', LIST, size).size)).toEqual([
      1,
      ...Array(3).fill(pageSizeMax),
    ]);
    expect(read('', LIST, 0)).toMatchObject({ size: pageSizeDefault, wrong: [] });
    expect(read('', LIST, -1).wrong).toMatchObject([{ field: 'page_size' }]);
  });

  it('is described in every request for a page as it is read', () => {
    const folder = new URL('../../../proto/switchyard/v1/', import.meta.url);
    const protos = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));
    const comments = protos.flatMap((proto) => proto.match(/.*\n(?= *int32 page_size\b)/g) ?? []);
    const { pageSizeMax, pageSizeDefault } = DEFAULT_DOOR_LIMITS;
    const right = `  // How many at most. 0: ${pageSizeDefault}. More than ${pageSizeMax.toLocaleString('en')} is cut to that.`;
    expect(comments.length).toBeGreaterThan(3);
    for (const comment of comments) expect(comment).toContain(right);
  });

  it('holds the first keys past the one before, in any order that they come', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(200)), fc.nat(200), fc.integer({ min: 1, max: 20 }), (keys, after, count) => {
        const wanted = keys.filter((key) => key > after).sort((x, y) => x - y);
        const first = new FirstKeys(after, count);
        for (const key of keys) {
          first.add(key);
          expect(first.size).toBeLessThan(2 * count);
        }
        expect(first.take()).toEqual(wanted.slice(0, count));
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
