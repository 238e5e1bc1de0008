import { describe, expect, it } from '@jest/globals';
import { draining } from '../../../src/core/model/draining.js';

describe('the refusal of a server that goes down', () => {
  it('lets a thousand come back in a second, and nobody wait for longer than ten and a restart', () => {
    const waits = Array.from({ length: 25_000 }, (_, nth) => draining(nth, 86_400_000).retryAfterMs!);
    expect(waits.slice(0, 10_000).filter((ms) => ms >= 3_000 && ms < 4_000)).toHaveLength(1_000);
    expect([Math.min(...waits), Math.max(...waits)]).toEqual([1_000, 10_999]);
  });

  it.each([10, 1_000, 5_000, 20_000, 86_400_000])(
    'keeps nobody away for more than half of the %d ms that it lives',
    (livesMs) => {
      const waits = Array.from({ length: 25_000 }, (_, nth) => draining(nth, livesMs).retryAfterMs!);
      expect(Math.max(...waits)).toBeLessThanOrEqual(livesMs / 2);
      expect(Math.min(...waits)).toBeGreaterThan(0);
      expect(new Set(waits).size).toBe(Math.min(10_000, Math.floor(livesMs / 3)));
    },
  );
});
