import type { Schema } from './codec.js';
import { TIME, type Time } from './messages.js';

/*
 * Brokered connections, and what was tried for them: see messages.ts.
 */

export interface Candidate {
  readonly host: string;
  readonly port: number;
  readonly type: number;
}
export interface ConnectionAttempt {
  readonly number: number;
  readonly startedAt: Time | undefined;
  readonly took: Time | undefined;
  readonly pairs: readonly {
    readonly local: Candidate | undefined;
    readonly remote: Candidate | undefined;
    readonly outcome: string;
  }[];
  readonly reason: number;
  readonly description: string;
}
export interface ConnectionRecord {
  readonly connectionId: string;
  readonly callerCvid: number;
  readonly peerCvid: number;
  readonly type: number;
  readonly state: number;
  readonly askedAt: Time | undefined;
  readonly callerCandidates: readonly Candidate[];
  readonly peerCandidates: readonly Candidate[];
  readonly attempts: readonly ConnectionAttempt[];
  readonly path: number;
  readonly roundTrip: Time | undefined;
  readonly reason: number;
  readonly description: string;
}
const CANDIDATE: Schema = { 1: ['host', 'string'], 2: ['port', 'int32'], 3: ['type', 'int32'] };
const ATTEMPT: Schema = {
  1: ['number', 'int32'],
  2: ['startedAt', TIME],
  3: ['took', TIME],
  4: ['pairs', { 1: ['local', CANDIDATE], 2: ['remote', CANDIDATE], 3: ['outcome', 'string'] }, true],
  5: ['reason', 'int32'],
  6: ['description', 'string'],
};
export interface ConnectionPage {
  readonly connections: readonly ConnectionRecord[];
  readonly nextPageToken: string;
}
export const CONNECTION_PAGE: Schema = {
  1: [
    'connections',
    {
      1: ['connectionId', 'string'],
      2: ['callerCvid', 'int32'],
      3: ['peerCvid', 'int32'],
      4: ['type', 'int32'],
      5: ['state', 'int32'],
      6: ['askedAt', TIME],
      7: ['callerCandidates', CANDIDATE, true],
      8: ['peerCandidates', CANDIDATE, true],
      9: ['attempts', ATTEMPT, true],
      10: ['path', 'int32'],
      11: ['roundTrip', TIME],
      12: ['reason', 'int32'],
      13: ['description', 'string'],
    },
    true,
  ],
  2: ['nextPageToken', 'string'],
};
