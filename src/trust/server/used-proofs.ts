/** Proofs that were taken, so that none is taken twice while its nonce is good. */
export class UsedProofs {
  /** When each is forgotten, by SHA-256 of its signed bytes; the oldest first, as all are kept equally long. */
  readonly #untilMs = new Map<string, number>();

  constructor(
    private readonly keptMs: number,
    private readonly max: number,
  ) {}

  /** How many are remembered. */
  get size(): number {
    return this.#untilMs.size;
  }

  /** Whether a proof was taken before. */
  has(digest: string): boolean {
    return this.#untilMs.has(digest);
  }

  /** Remembers a proof. False: there is no room, and it must not be taken. */
  add(digest: string, nowMs: number): boolean {
    this.#forget(nowMs);
    if (this.#untilMs.size >= this.max) return false;
    this.#untilMs.set(digest, nowMs + this.keptMs);
    return true;
  }

  #forget(nowMs: number): void {
    for (const [digest, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) return;
      this.#untilMs.delete(digest);
    }
  }
}
