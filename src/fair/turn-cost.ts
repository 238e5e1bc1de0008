/** How much of what was seen in a turn still counts in the next: some dozens of turns decide. */
const KEPT = 0.9;
/** What is counted for something is never more than so many times what was measured: a collection of garbage is nobody's. */
const FACTOR_MAX = 4;

/**
 * Says what a piece of work takes in all, from what was measured while it was done.
 *
 * Most of what a call costs cannot be measured where it begins: its frames are parsed before, and its answer is made and
 * written in the promises and ticks behind. All of that is in the time from one turn of the event loop to the next. So turns
 * are held against what was measured in them, and what is measured is counted as so much more.
 */
export class TurnCost {
  #factor = 1;
  #measuredMs = 0;
  #tookMs = 0;
  #begunMs: number | undefined;

  /** Counts a piece that was measured as so long. Answers with what it takes in all. */
  of(measuredMs: number): number {
    this.#measuredMs += measuredMs;
    return measuredMs * this.#factor;
  }

  /** A turn begins. If the one before did not {@link rest}, the event loop has done nothing but work since that began. */
  turn(nowMs: number): void {
    if (this.#begunMs !== undefined) this.#learn(nowMs - this.#begunMs);
    this.#begunMs = nowMs;
  }

  /** Nothing waits after this turn: until the next one the event loop may wait for others. */
  rest(): void {
    this.#begunMs = undefined;
  }

  #learn(tookMs: number): void {
    this.#tookMs += tookMs;
    if (this.#measuredMs > 0) this.#factor = Math.min(Math.max(this.#tookMs / this.#measuredMs, 1), FACTOR_MAX);
    this.#tookMs *= KEPT;
    this.#measuredMs *= KEPT;
  }
}
