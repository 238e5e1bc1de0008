import type { Labels } from './session.js';

/*
 * The bounds of remembered requests. The API promises them and stored commands depend on them, so they never change.
 */

/** Within so long a request that comes again with its id is not done again: longer than any client keeps on trying. */
export const REQUEST_WINDOW_MS = 600_000;
/** Requests of one session that are remembered, the oldest forgotten first: as many as it may have under way, many times over. */
export const REQUESTS_PER_SESSION_MAX = 64;
/** Requests in all that are remembered, the oldest forgotten first: 65,536 of some 400 B are 26 MB. */
export const REQUESTS_MAX = 65_536;
/** Characters of a request id: a UUID with room for a prefix. */
export const REQUEST_ID_LENGTH_MAX = 64;

/** What came of a request: a stream, as it was when it was made, or a connection. */
export type Made =
  | {
      readonly kind: 'stream';
      readonly id: number;
      /** The ids of its branches, in the order of the sinks that were asked for. */
      readonly branches: readonly number[];
      readonly revision: number;
    }
  | { readonly kind: 'connection'; readonly id: number };

/** A request that was done, and is not done again when it comes again. */
export interface DoneRequest {
  /** Who asked. */
  readonly sid: number;
  /** Chosen by the caller, unique for its session. */
  readonly requestId: string;
  /** When it was stored, as its command says. */
  readonly atMs: number;
  /** Of what was asked for: the same id with another request is a mistake. */
  readonly fingerprint: string;
  readonly made: Made;
}

/** What was asked for, in one spelling: labels have no order. */
export function spellRequest(parts: readonly (string | number | boolean | Labels | readonly number[])[]): string {
  const spelled = JSON.stringify(parts, (_key, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1));
  });
  return spelled.replace(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);
}
