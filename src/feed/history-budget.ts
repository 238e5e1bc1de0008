/** A history, as the budget needs it. */
export interface BudgetedHistory {
  /** Bytes held, allocated ones included. */
  readonly byteSize: number;
  /** Lets go of its oldest segment. False: it holds only one. */
  cutOldest(): boolean;
}

/**
 * Bounds the bytes that the histories of all feeds hold together, in all networks: beyond the bound the one that holds most lets go of
 * its oldest part, so that a busy network shortens its own history before that of others.
 */
export class HistoryBudget {
  readonly #held = new Set<BudgetedHistory>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of all histories together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A history holds so many bytes more, or (negative) fewer. */
  moved(history: BudgetedHistory, bytes: number): void {
    this.#bytes += bytes;
    if (bytes <= 0) return;
    this.#held.add(history);
    while (this.#bytes > this.#bytesMax && this.#largest()?.cutOldest());
  }

  /** A history is not there any more. */
  release(history: BudgetedHistory): void {
    if (this.#held.delete(history)) this.#bytes -= history.byteSize;
  }

  #largest(): BudgetedHistory | undefined {
    let largest: BudgetedHistory | undefined;
    for (const history of this.#held) if (history.byteSize > (largest?.byteSize ?? 0)) largest = history;
    return largest;
  }
}
