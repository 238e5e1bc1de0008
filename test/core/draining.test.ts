import { describe, expect, it } from '@jest/globals';
import { draining } from '../../src/core/draining.js';

describe('the refusal of a server that goes down', () => {
  it('lets a thousand come back in a second, and nobody wait for longer than ten and a restart', () => {
    const waits = Array.from({ length: 25_000 }, (_, nth) => draining(nth).retryAfterMs!);
    expect(waits.slice(0, 10_000).filter((ms) => ms >= 3_000 && ms < 4_000)).toHaveLength(1_000);
    expect([Math.min(...waits), Math.max(...waits)]).toEqual([1_000, 10_999]);
  });
});
