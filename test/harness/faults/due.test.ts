import { describe, expect, it } from '@jest/globals';
import { busiestSecond, dueMs } from '../../../harness/faults/due.js';
import { SeededRandom } from '../../../harness/simulation/machine/random.js';

const TTL_MS = 30_000;
const due = (way: 'kill' | 'drain', sessions: number, listeningMs: number) =>
  dueMs(way, sessions, listeningMs, TTL_MS, new SeededRandom(1));

describe('the waits of a fleet that lost its server', () => {
  it('bring a thousand back in a second after a drain, however large the fleet, up to ten thousand', () => {
    for (const sessions of [2_000, 10_000]) {
      const busiest = busiestSecond(due('drain', sessions, 500));
      expect(busiest).toBeGreaterThan(900);
      expect(busiest).toBeLessThan(1_300);
    }
  });

  it('bring 2,000 back at no more than 2,000 in a second after a kill, and fewer the longer the server was away', () => {
    const busiest = [500, 1_000, 3_000].map((listeningMs) => busiestSecond(due('kill', 2_000, listeningMs)));
    expect(busiest[0]).toBeLessThan(2_000);
    expect(busiest[1]).toBeLessThan(busiest[0]);
    expect(busiest[2]).toBeLessThan(1_000);
  });

  it('bring nobody back before there is a server, and the last within a third of its TTL', () => {
    const all = due('kill', 2_000, 60_000);
    expect(all[0]).toBeGreaterThanOrEqual(60_000);
    expect(all.at(-1)).toBeLessThanOrEqual(60_000 + TTL_MS / 3);
  });
});
