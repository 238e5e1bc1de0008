/** A rate: how often something may happen at once, and how often a second after that. */
export interface Pace {
  readonly burst: number;
  readonly perSecond: number;
}

/** What is left of a pace: a bucket of tokens that fills with time. */
export class Allowance {
  private left: number;

  constructor(
    private readonly pace: Pace,
    private atMs: number,
  ) {
    this.left = pace.burst;
  }

  /** Takes one token; false when the bucket is empty. */
  take(nowMs: number): boolean {
    const { burst, perSecond } = this.pace;
    this.left = Math.min(burst, this.left + ((nowMs - this.atMs) * perSecond) / 1_000);
    this.atMs = nowMs;
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }
}
