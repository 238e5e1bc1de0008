import type { Checked } from '../../core/decide/check.js';
import type { DoorLimits } from '../limits.js';

/** Where a page begins and how long it is. */
export interface Page {
  /** The last key of the page before; 0 before the first. */
  readonly after: number;
  readonly size: number;
  /** How many bytes it takes, about, at most. */
  readonly bytesMax: number;
}

/** Reads `page_size` and `page_token`. A token is the last key of its page, made opaque so that nobody builds one. */
export function readPage(checked: Checked, limits: DoorLimits, request: { pageSize: number; pageToken: string }): Page {
  const { pageSize, pageToken } = request;
  const { pageSizeMax, pageSizeDefault, pageBytesMax: bytesMax } = limits;
  if (pageSize < 0 || pageSize > pageSizeMax) {
    checked.wrong('page_size', `${pageSize}; 1 to ${pageSizeMax} are allowed, and 0 for ${pageSizeDefault}`);
  }
  const size = pageSize === 0 ? pageSizeDefault : pageSize;
  if (pageToken === '') return { after: 0, size, bytesMax };
  const after = Number(Buffer.from(pageToken, 'base64url').toString('latin1'));
  if (!(after > 0) || pageTokenOf(after) !== pageToken)
    checked.wrong('page_token', 'not a next_page_token of this method');
  return { after, size, bytesMax };
}

/** The token of the page that begins after a key. */
export function pageTokenOf(key: number): string {
  return Buffer.from(String(key), 'latin1').toString('base64url');
}

/**
 * The first of some items: as many as the page has room for, and no more bytes than a client takes that was not told
 * otherwise. One at least, where there is one.
 */
export function fillPage<T>(
  items: Iterable<T>,
  { size, bytesMax }: Page,
  sizeOf: (item: T) => number,
): { readonly page: T[]; readonly hasMore: boolean } {
  const page: T[] = [];
  let bytes = 0;
  for (const item of items) {
    if (page.length === size || bytes >= bytesMax) return { page, hasMore: true };
    page.push(item);
    bytes += sizeOf(item);
  }
  return { page, hasMore: false };
}

/** The first `count` keys past `after`, ascending, of keys in any order; holds twice as many at most. */
export function firstAfter(keys: Iterable<number>, after: number, count: number): number[] {
  let first: number[] = [];
  let last = Number.POSITIVE_INFINITY;
  const cut = () => {
    first = first.sort((x, y) => x - y).slice(0, count);
    if (first.length === count) last = first[count - 1];
  };
  for (const key of keys) {
    if (key <= after || key >= last) continue;
    first.push(key);
    if (first.length === 2 * count) cut();
  }
  cut();
  return first;
}
