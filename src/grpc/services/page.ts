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

/** A list that is read in pages: a method, with what it lists. A page's token is good for the same list alone. */
export interface PagedList {
  readonly method: string;
  /** What leaves items out, by the names of its fields. */
  readonly filter: Readonly<Record<string, string | number>>;
}

/** Behind it in a token comes the key. */
const AFTER = ' after ';
/** Longer than any token. */
const TOKEN_LENGTH_MAX = 256;

/** Reads `page_size` and `page_token`. A size beyond the bound is cut to it. */
export function readPage(
  checked: Checked,
  limits: DoorLimits,
  list: PagedList,
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
): Page {
  const { pageSizeMax, pageSizeDefault, pageBytesMax: bytesMax } = limits;
  if (pageSize < 0) {
    checked.wrong('page_size', `${pageSize}; 1 to ${pageSizeMax} are allowed, and 0 for ${pageSizeDefault}`);
  }
  const size = pageSize === 0 ? pageSizeDefault : Math.min(pageSize, pageSizeMax);
  return { after: pageToken === '' ? 0 : readToken(checked, list, pageToken), size, bytesMax };
}

/**
 * The token of the page that begins after a key. It names the list, because a key of another one would pass over some of its
 * items in silence; opaque, so that nobody builds one.
 */
export function pageTokenOf(list: PagedList, key: number): string {
  return Buffer.from(`${nameOf(list)}${AFTER}${key}`, 'latin1').toString('base64url');
}

function readToken(checked: Checked, list: PagedList, token: string): number {
  const text = token.length > TOKEN_LENGTH_MAX ? '' : Buffer.from(token, 'base64url').toString('latin1');
  const [name, key, ...rest] = text.split(AFTER);
  const after = Number(key);
  const isOurs = rest.length === 0 && Number.isSafeInteger(after) && after > 0 && String(after) === key;
  if (!isOurs || !TOKEN_NAME.test(name) || Buffer.from(text, 'latin1').toString('base64url') !== token) {
    checked.wrong('page_token', 'not a next_page_token of this server');
  } else if (name !== nameOf(list)) {
    checked.wrong('page_token', `a next_page_token of ${name}; this is ${nameOf(list)}`);
  }
  return after;
}

const TOKEN_NAME = /^List[A-Za-z]+( [a-z_]+=[0-9a-f-]+)*$/;

/** The method, and what of the filter is not left open. */
function nameOf({ method, filter }: PagedList): string {
  const set = Object.entries(filter).filter(([, value]) => value !== '' && value !== 0);
  return [method, ...set.map(([field, value]) => `${field}=${value}`)].join(' ');
}

/** The first items of a list, and whether there are more. */
export interface FilledPage<T> {
  readonly page: T[];
  readonly hasMore: boolean;
}

/** The token of the page behind this one; empty when this is the last. */
export function nextTokenOf<T>(list: PagedList, { page, hasMore }: FilledPage<T>, keyOf: (item: T) => number): string {
  const last = page.at(-1);
  return hasMore && last !== undefined ? pageTokenOf(list, keyOf(last)) : '';
}

/**
 * The first of some items: as many as the page has room for, and no more bytes than a client takes that was not told
 * otherwise. One at least, where there is one.
 */
export function fillPage<T>(items: Iterable<T>, { size, bytesMax }: Page, sizeOf: (item: T) => number): FilledPage<T> {
  const page: T[] = [];
  let bytes = 0;
  for (const item of items) {
    if (page.length === size || bytes >= bytesMax) return { page, hasMore: true };
    page.push(item);
    bytes += sizeOf(item);
  }
  return { page, hasMore: false };
}

/** The first `count` keys past `after`, ascending, of keys in any order that come one by one; holds twice as many at most. */
export class FirstKeys {
  readonly #after: number;
  readonly #count: number;
  #first: number[] = [];
  #last = Number.POSITIVE_INFINITY;

  constructor(after: number, count: number) {
    this.#after = after;
    this.#count = count;
  }

  /** How many it holds at the moment. */
  get size(): number {
    return this.#first.length;
  }

  add(key: number): void {
    if (key <= this.#after || key >= this.#last) return;
    this.#first.push(key);
    if (this.#first.length === 2 * this.#count) this.#cut();
  }

  take(): readonly number[] {
    this.#cut();
    return this.#first;
  }

  #cut(): void {
    this.#first = this.#first.sort((x, y) => x - y).slice(0, this.#count);
    if (this.#first.length === this.#count) this.#last = this.#first[this.#count - 1];
  }
}
