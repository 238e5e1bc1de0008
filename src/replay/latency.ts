/** A percentile of times, in milliseconds, by the nearest rank. There is at least one time. */
function percentile(sortedMs: readonly number[], fraction: number): number {
  return sortedMs[Math.max(0, Math.ceil(sortedMs.length * fraction) - 1)];
}

/** How long the calls of one kind took. */
export interface LatencySummary {
  readonly call: string;
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * How long each call took, by kind. Every time is kept, 8 B each, because a replay makes some ten thousand of them and a
 * summary that is exact needs no explanation.
 */
export class Latencies {
  private readonly timesMs = new Map<string, number[]>();

  add(call: string, tookMs: number): void {
    const times = this.timesMs.get(call);
    if (times === undefined) this.timesMs.set(call, [tookMs]);
    else times.push(tookMs);
  }

  summaries(): LatencySummary[] {
    return [...this.timesMs].map(([call, times]) => {
      const sorted = times.toSorted((a, b) => a - b);
      const at = (fraction: number) => percentile(sorted, fraction);
      return { call, count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    });
  }
}
