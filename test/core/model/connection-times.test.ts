import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { MISSED_MAX } from '../../../src/client/carrier/direct-carrier.js';
import { PUNCH_LIMITS } from '../../../src/client/direct/limits.js';
import { LIMITS } from '../../../src/client/limits.js';
import { CONNECTION_TIMES } from '../../../src/core/model/connection-times.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { DEFAULT_RELAY_LIMITS } from '../../../src/relay/limits.js';
import { RENDEZVOUS_LIMITS } from '../../../src/rendezvous/limits.js';

const T = CONNECTION_TIMES;
/** What an end does in one attempt, once it has begun: it tries, awaits the other's answer, and measures anew. */
const ATTEMPT_MS = T.attemptMs + T.nominateMs + T.gatherMs;

/** What has to fit, and into what. */
const SUMS: [what: string, parts: number[], roomMs: number][] = [
  [
    'one attempt, and as long again as it tries for its start and its answer',
    [ATTEMPT_MS, T.attemptMs],
    T.attemptDeadlineMs,
  ],
  [
    'gathering of a peer that waits for a crossing request first, and asks its routers for a port',
    [T.crossingMs, T.gatherMs, T.mapMs],
    T.acceptMs,
  ],
  ['gathering of a caller that did not before it asked', [T.gatherMs, T.mapMs], T.gatherDeadlineMs],
  ['the peer that accepts, and the longest wait for a server', [T.acceptMs, LIMITS.backoffMaxMs], T.askMs],
  [
    'a connection whose attempts all fail, and that is relayed then',
    [T.acceptMs, DEFAULT_LIMITS.attemptsPerConnectionMax * ATTEMPT_MS, T.relayDeadlineMs],
    T.pendingMs,
  ],
  ['a pending connection', [T.pendingMs, 1], RENDEZVOUS_LIMITS.connectionMs],
  ['its own address, for an end that asks when a connection is over', [2 * T.pendingMs], RENDEZVOUS_LIMITS.observedMs],
  [
    'a try for a direct path: gathering, accepting, one attempt',
    [T.gatherMs, T.acceptMs, T.attemptDeadlineMs],
    T.upgradeTakesMs,
  ],
  ['the last word about a path that has worked at one end', [T.attemptMs, T.secureMs, T.nominateMs], T.spareMs],
  [
    "the other end's answer to the attempt whose path this end has, and the way of the order after it",
    [T.attemptDeadlineMs, T.nominateMs],
    T.spareMs,
  ],
  [
    "the other end's answer to the attempt whose path this end has lost, its way, and the question after it",
    [T.attemptDeadlineMs, T.decidedRetryMs, T.nominateMs],
    T.decidedMs,
  ],
  ['the STUN requests of one gathering, five of them', [5 * T.stunRetryMs], T.gatherMs],
  ['the dials of one attempt', [T.attemptMs], PUNCH_LIMITS.redialsMax * T.redialMs],
  ['signs of life until a direct path is known to be dead', [(MISSED_MAX + 1) * T.signOfLifeMs], 30_000],
  [
    'questions until a path without data is known to be dead',
    [T.aliveMs, PUNCH_LIMITS.aliveTriesMax * T.aliveRetryMs],
    30_000,
  ],
  [
    'the wait before a relayed stream is opened again',
    [T.reopenWaitMaxMs, LIMITS.callTimeoutMs],
    DEFAULT_RELAY_LIMITS.sinkStallMs,
  ],
  ['what an end says that an attempt took', [T.startAfterMaxMs, ATTEMPT_MS], T.tookMaxMs],
];

describe('the times of a brokered connection', () => {
  it.each(SUMS)('leave room for %s', (_what, parts, roomMs) => {
    expect(parts.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(roomMs);
  });

  it('are the defaults of the limits that a journal stores', () => {
    const { gatherDeadlineMs, attemptDeadlineMs, relayDeadlineMs } = DEFAULT_LIMITS;
    expect({ gatherDeadlineMs, attemptDeadlineMs, relayDeadlineMs }).toEqual({
      gatherDeadlineMs: T.gatherDeadlineMs,
      attemptDeadlineMs: T.attemptDeadlineMs,
      relayDeadlineMs: T.relayDeadlineMs,
    });
  });

  it('stand nowhere else: no other file of their rooms names a duration', () => {
    const folders = ['src/brokering', 'src/client/carrier', 'src/client/connection', 'src/client/direct'];
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))),
    );
    const named = /^(?:export )?const \w+_MS\b.*= *[\d_]|^ {2}\w+Ms: [\d_]+,/m;
    expect(files.filter((file) => file.endsWith('.ts') && named.test(readFileSync(file, 'utf8')))).toEqual([]);
  });
});
