import { describe, expect, it } from '@jest/globals';
import { Latencies } from '../../src/replay/latency.js';

describe('how long calls took', () => {
  it('is told by nearest rank, for each kind by itself', () => {
    const latencies = new Latencies();
    for (let ms = 200; ms >= 1; ms--) latencies.add('Session', ms);
    latencies.add('Attach', 7);
    expect(latencies.summaries()).toEqual([
      { call: 'Session', count: 200, p50Ms: 100, p99Ms: 198, maxMs: 200 },
      { call: 'Attach', count: 1, p50Ms: 7, p99Ms: 7, maxMs: 7 },
    ]);
  });

  it('is nothing when there were no calls', () => {
    expect(new Latencies().summaries()).toEqual([]);
  });
});
