import type { Signature, VerifySignature } from './signatures.js';

/** Verifies signatures, so many at once and in the order in which they came; what waits is bounded. */
export class BoundedVerifier {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly verify: VerifySignature,
    private readonly bounds: { readonly verifyingMax: number; readonly waitingMax: number },
  ) {}

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves with whether the signature is good; undefined at once when too many wait. */
  async check(signature: Signature): Promise<boolean | undefined> {
    const { verifyingMax, waitingMax } = this.bounds;
    if (this.#running >= verifyingMax) {
      if (this.#waiting.length >= waitingMax) return undefined;
      // Whoever ends hands its place on.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await this.verify(signature);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
