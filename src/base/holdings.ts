/** What holdings need of their owner. */
export interface HoldingsDeps<H> {
  /** Bytes that all holders may hold between them. */
  readonly bytesMax: number;
  /**
   * Called with the holder that holds most when all hold too much. It lets go of its bytes, or leaves: what it still holds
   * when this returns is not counted any more, and neither is what it takes afterwards.
   */
  readonly expel: (holder: H) => void;
}

/**
 * Bytes that are held for many holders, bounded in all. Beyond the bound the holder of most is told to leave.
 *
 * Of several that hold as much, the one goes that has held something for longest without a break: a client that takes what
 * it is given holds nothing from time to time, and one that takes nothing never does.
 *
 * An expulsion looks at all holders. It lets go of more than the average of them, so it is as rare as it is expensive.
 */
export class Holdings<H extends object> {
  /** Those that hold something, the one that has for longest first. */
  readonly #bytes = new Map<H, number>();
  readonly #gone = new WeakSet<H>();
  #total = 0;

  constructor(private readonly deps: HoldingsDeps<H>) {}

  /** Bytes that are held in all, those of holders that are leaving excepted. */
  get total(): number {
    return this.#total;
  }

  /** Bytes that one holder holds. */
  of(holder: H): number {
    return this.#bytes.get(holder) ?? 0;
  }

  /** A holder holds so many bytes more, or (negative) fewer. Of one that is leaving it is ignored. */
  add(holder: H, bytes: number): void {
    if (bytes === 0 || this.#gone.has(holder)) return;
    const held = this.of(holder) + bytes;
    if (held === 0) this.#bytes.delete(holder);
    else this.#bytes.set(holder, held);
    this.#total += bytes;
    while (bytes > 0 && this.#total > this.deps.bytesMax) this.#expelGreatest();
  }

  /** A holder is leaving: its bytes count no more, and it holds nothing from now on. */
  forget(holder: H): void {
    this.#gone.add(holder);
    this.#total -= this.of(holder);
    this.#bytes.delete(holder);
  }

  #expelGreatest(): void {
    let greatest: H | undefined;
    let most = 0;
    for (const [holder, held] of this.#bytes) {
      if (held <= most) continue;
      greatest = holder;
      most = held;
    }
    this.deps.expel(greatest!);
    if (this.#bytes.has(greatest!)) this.forget(greatest!);
  }
}
