/**
 * Counts the bytes that the relays of all networks hold together, and wakes them when there is room again.
 *
 * When all is full, that counts for the networks that hold their fair part of it or more: an equal part for each that holds anything. So one
 * network cannot keep the sources of another waiting. Together they hold twice the bound at most: one the whole of it, and then the others
 * their parts.
 */
export class RelayedBytes {
  readonly #bytesMax: number;
  readonly #shares = new Set<RelayedShare>();
  #bytes = 0;
  /** How many networks hold anything. */
  #holding = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The part of one network. `wake` is called whenever it has room again. */
  join(wake: () => void): RelayedShare {
    const share = new RelayedShare(this, wake);
    this.#shares.add(share);
    return share;
  }

  /** For a share: it is not woken any more. What it still holds counts until it lets go of it. */
  leave(share: RelayedShare): void {
    this.#shares.delete(share);
  }

  /** For a share: whether there is no room for it. */
  isFull({ bytes }: RelayedShare): boolean {
    return this.#bytes >= this.#bytesMax && bytes >= this.#bytesMax / (this.#holding + (bytes > 0 ? 0 : 1));
  }

  /** For a share: it holds so many bytes more, or (negative) fewer. */
  moved(share: RelayedShare, bytes: number): void {
    const wasFull = this.#bytes >= this.#bytesMax;
    const wasShareFull = this.isFull(share);
    const before = share.bytes;
    this.#bytes += bytes;
    share.bytes += bytes;
    this.#holding += Number(share.bytes > 0) - Number(before > 0);
    if (!wasFull || bytes >= 0) return;
    // Fewer that hold something have larger parts each.
    if (this.#bytes < this.#bytesMax || share.bytes === 0) {
      for (const one of this.#shares) if (!this.isFull(one)) one.wake();
    } else if (wasShareFull && !this.isFull(share)) share.wake();
  }
}

/** What the relay of one network has of {@link RelayedBytes}. */
export class RelayedShare {
  readonly #all: RelayedBytes;
  readonly wake: () => void;
  /** Bytes that it holds. Changed by {@link RelayedBytes} alone. */
  bytes = 0;

  constructor(all: RelayedBytes, wake: () => void) {
    this.#all = all;
    this.wake = wake;
  }

  /** Whether there is no room: every source of this network waits. */
  get isFull(): boolean {
    return this.#all.isFull(this);
  }

  /** So many bytes more are held, or (negative) fewer. */
  add(bytes: number): void {
    this.#all.moved(this, bytes);
  }

  /** It is not woken any more. */
  leave(): void {
    this.#all.leave(this);
  }
}
