import type { Reason } from '../../../src/core/model/fault.js';
import type { Method } from '../running.js';

/** What the cases are about: two sessions, a third that nobody told about the first one's stream, and that stream. */
export interface World {
  readonly serverSid: number;
  readonly one: { readonly sid: number; readonly token: string };
  readonly two: World['one'];
  readonly three: World['one'];
  /** The token of a session that was superseded. */
  readonly stale: string;
  /** Of `one`, with one branch to `two`. */
  readonly stream: { readonly id: number; readonly branch: number };
  /** A SID that nobody has. */
  readonly nobody: number;
}

/** Whose credentials a call carries. */
export type Who = 'nobody' | 'one' | 'two' | 'three' | 'stale' | 'admin';

/** One request that is wrong, and how it must be refused. */
export interface Case {
  readonly what: string;
  // biome-ignore lint/suspicious/noExplicitAny: a table of all methods
  readonly method: Method<any, any>;
  readonly request: (world: World) => unknown;
  readonly who: Who;
  readonly reason: Reason;
  /** With FIELD_INVALID: every field that is named, in order. */
  readonly fields: readonly string[];
}

/** A text of so many bytes. */
export const long = (bytes: number) => 'x'.repeat(bytes);
const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 'v']));

/** Durations that break the rules of their proto, or are negative. */
export const DURATIONS = {
  negative: { seconds: -1n, nanos: 0 },
  'negative by a nanosecond': { seconds: 0n, nanos: -1 },
  'of too many nanoseconds': { seconds: 1n, nanos: 1_000_000_000 },
  'of mixed signs': { seconds: 1n, nanos: -1 },
  'of too many seconds': { seconds: 2n ** 62n, nanos: 0 },
};

/** Names that cannot be. */
export const NAMES = {
  'too long': long(129),
  'of too many bytes': 'é'.repeat(65),
  'with a line break': 'a\nb',
  'with a NUL': '\0',
};

/** Labels that cannot be, and where the mistake is. */
export const LABELS: Record<string, { labels: Record<string, string>; at: string }> = {
  'too many': { labels: entries(17), at: '' },
  'an empty key': { labels: { '': 'v' }, at: '[""]' },
  'a key with a space': { labels: { 'a b': 'v' }, at: '["a b"]' },
  'a key that is too long': { labels: { [long(64)]: 'v' }, at: `[${JSON.stringify(long(63))}]` },
  'a value that is too long': { labels: { a: long(256) }, at: '["a"]' },
};

/** SIDs and stream ids that cannot be. */
export const SIDS = { zero: 0, negative: -1, lowest: -(2 ** 31) };

/** Collects the cases of one service. */
export class Cases {
  readonly all: Case[] = [];

  /** Adds a case of FIELD_INVALID: `good` with some fields spoiled. */
  wrong<Q>(
    method: Method<Q, unknown>,
    who: Who,
    good: (world: World) => NoInfer<Q>,
    what: string,
    spoil: Partial<NoInfer<Q>> | ((world: World) => Partial<NoInfer<Q>>),
    ...fields: string[]
  ): void {
    const spoiled = (world: World) => (typeof spoil === 'function' ? spoil(world) : spoil);
    const request = (world: World) => ({ ...good(world), ...spoiled(world) });
    this.all.push({ what: `${nameOf(method)}: ${what}`, method, request, who, reason: 'FIELD_INVALID', fields });
  }

  /** Adds a case of another reason. */
  refuse<Q>(
    method: Method<Q, unknown>,
    who: Who,
    reason: Reason,
    what: string,
    request: (world: World) => NoInfer<Q>,
  ): void {
    this.all.push({ what: `${nameOf(method)}: ${what}`, method, request, who, reason, fields: [] });
  }
}

function nameOf({ path }: { path: string }): string {
  return path.split('/')[2];
}

/** Adds a case for every way in which a field can be wrong. */
export function each<V>(ways: Record<string, V>, add: (what: string, value: V) => void): void {
  for (const [what, value] of Object.entries(ways)) add(what, value);
}

/** What can be wrong with every page. */
export function pages(
  add: (what: string, page: { pageSize?: number; pageToken?: string }, field: string) => void,
): void {
  for (const pageSize of [-1, -(2 ** 31)]) add(`a page of ${pageSize}`, { pageSize }, 'page_size');
  for (const pageToken of ['x', 'TmFO', 'MA', 'LTE', `MTA=`, long(1_000)]) {
    add(`a page after ${pageToken.slice(0, 10)}`, { pageToken }, 'page_token');
  }
}
