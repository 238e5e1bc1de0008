/** Longer than any keystroke of a bench is on its way. */
const KEPT_MS = 10_000;

/** How much came when, of the last seconds. */
export class Arrivals {
  #arrivals: { readonly atMs: number; readonly bytes: number }[] = [];

  came(atMs: number, bytes: number): void {
    this.#arrivals.push({ atMs, bytes });
    if (this.#arrivals[0].atMs < atMs - 2 * KEPT_MS)
      this.#arrivals = this.#arrivals.filter((one) => one.atMs > atMs - KEPT_MS);
  }

  /** The bytes that came after this moment. */
  since(atMs: number): number {
    let bytes = 0;
    for (let at = this.#arrivals.length - 1; at >= 0 && this.#arrivals[at].atMs > atMs; at--)
      bytes += this.#arrivals[at].bytes;
    return bytes;
  }
}
