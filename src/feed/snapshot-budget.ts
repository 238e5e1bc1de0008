/** A snapshot, as the budget needs it. */
export interface BudgetedSnapshot {
  /** Bytes of the chunks that it holds. */
  readonly bytes: number;
  /** Drops the chunks that every reader has passed, and all of them when there is no reader. */
  giveUpPassed(): void;
  /** Drops the chunks that only its slowest readers need. False: all are at the newest chunk. */
  giveUpSlowest(): boolean;
}

/**
 * Bounds the bytes that all snapshots under way hold together, for all feeds and all readers.
 *
 * Over the bound it first drops the chunks that all readers have passed. Then it gives up the slowest readers of the snapshot
 * that holds most; they begin again.
 */
export class SnapshotBudget {
  readonly #held = new Set<BudgetedSnapshot>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of all snapshots together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** For a snapshot: counts it from now on. */
  hold(snapshot: BudgetedSnapshot): void {
    this.#held.add(snapshot);
  }

  /** For a snapshot: counts it no longer. */
  release(snapshot: BudgetedSnapshot): void {
    this.#held.delete(snapshot);
  }

  /** For a snapshot: it holds so many bytes less. */
  shrank(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** For a snapshot: it holds so many bytes more. */
  grew(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#bytesMax) return;
    for (const snapshot of this.#held) snapshot.giveUpPassed();
    while (this.#bytes > this.#bytesMax && this.#largest()?.giveUpSlowest());
  }

  #largest(): BudgetedSnapshot | undefined {
    let largest: BudgetedSnapshot | undefined;
    for (const snapshot of this.#held) if (snapshot.bytes > (largest?.bytes ?? 0)) largest = snapshot;
    return largest;
  }
}
