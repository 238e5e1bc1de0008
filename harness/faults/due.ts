import type { Random } from '../../src/base/clock.js';
import { Backoff } from '../../src/client/backoff.js';
import { draining } from '../../src/core/model/draining.js';

/** How a fleet lost its server. */
export type Way = 'kill' | 'drain';

/**
 * When the Attach calls of a fleet reach the next server by the clients' own waits alone, in ms since the server went:
 * what would come if every client had a CPU of its own, and not one for all of them.
 *
 * A client tries after each wait until there is a server. One that was told when to come back waits for so long at first.
 */
export function dueMs(way: Way, sessions: number, listeningMs: number, ttlMs: number, random: Random): number[] {
  return Array.from({ length: sessions }, (_, nth) => {
    const backoff = new Backoff(random);
    let atMs = backoff.afterFailure(way === 'drain' ? draining(nth, ttlMs).retryAfterMs : undefined, ttlMs / 3);
    while (atMs < listeningMs) atMs += backoff.afterFailure(undefined, ttlMs / 3);
    return atMs;
  }).sort((one, other) => one - other);
}

/** The most of these that lie within any second. */
export function busiestSecond(sortedMs: readonly number[]): number {
  let from = 0;
  let most = 0;
  for (const [at, ms] of sortedMs.entries()) {
    while (ms - sortedMs[from] > 1_000) from++;
    most = Math.max(most, at - from + 1);
  }
  return most;
}
