import { describe, expect, it } from '@jest/globals';
import { Expiries } from '../../../harness/faults/expiries.js';
import { Truth } from '../../../harness/simulation/truth.js';
import { Verdict } from '../../../harness/simulation/verdict.js';
import { CloseReason, durationOf } from '../../../src/client/index.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';

/** A session with a TTL of 10 s that was opened so long ago, and expires now. */
function expired(openedMsAgo: number, begunMsAgo: number, reason = CloseReason.EXPIRED): string | undefined {
  const verdict = new Verdict(() => 0);
  const truth = new Truth(
    DEFAULT_LIMITS,
    () => 0,
    () => {},
  );
  const expiries = new Expiries(truth, verdict);
  const nowMs = performance.now();
  const response = { instanceSid: 258, ttl: durationOf(10_000) };
  const session = { method: 'Session', request: {}, response, error: undefined, metadata: {} };
  expiries.answered(session, nowMs - openedMsAgo);
  const position = { epoch: 'e', revision: 3n };
  const endpointClosed = { cvid: 258, reason, position, instanceUuid: '', name: '' };
  expiries.ended({ kind: 3, position, endpointClosed, committedAt: undefined }, nowMs - begunMsAgo);
  return verdict.violation?.check;
}

describe('Leased, from outside', () => {
  it('finds a session that expired before its TTL was over', () => {
    expect(expired(12_000, 60_000)).toBeUndefined();
    expect(expired(9_000, 60_000)).toBe('Leased');
  });

  it('finds one that expired in a server that had begun later', () => {
    expect(expired(60_000, 9_000)).toBe('Leased');
  });

  it('has nothing against other ends', () => {
    expect(expired(1_000, 1_000, CloseReason.TERMINATED)).toBeUndefined();
  });
});
