import type { Schema } from './codec.js';

/*
 * The audit log: see messages.ts.
 */

/** Who did what to whom, from where, and what came of it. */
export interface AuditLine {
  readonly number: number;
  /** RFC 3339, by the server's clock. */
  readonly at: string;
  readonly who: string;
  readonly from: string;
  readonly what: string;
  readonly on: string;
  readonly outcome: string;
  /** How many this line stands for. */
  readonly count: number;
  /** The hash of the line before it, and its own. */
  readonly before: string;
  readonly hash: string;
}
export interface AuditMessage {
  readonly lines: readonly AuditLine[];
  /** The number of the newest line that is written. */
  readonly end: number;
}
export const WATCH_AUDIT: Schema = { 1: ['after', 'uint64'], 2: ['newest', 'int32'] };
export const AUDIT_MESSAGE: Schema = {
  1: [
    'lines',
    {
      1: ['number', 'uint64'],
      2: ['at', 'string'],
      3: ['who', 'string'],
      4: ['from', 'string'],
      5: ['what', 'string'],
      6: ['on', 'string'],
      7: ['outcome', 'string'],
      8: ['count', 'uint32'],
      9: ['before', 'string'],
      10: ['hash', 'string'],
    },
    true,
  ],
  2: ['end', 'uint64'],
};
