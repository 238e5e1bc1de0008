/** Parts of the bound: what is kept for those that hold little, and from where on each may hold an equal part only. */
const [KEPT, EQUAL_FROM] = [1 / 4, 1 / 2];

/**
 * Counts the bytes that the relays of all networks hold together, and wakes them when there is room again.
 *
 * A network that is alone may hold the whole bound. Where there are several, one cannot keep the sources of another waiting: from half of
 * the bound on each that holds anything may hold an equal part of that half, from three quarters on an equal part of the quarter that is
 * kept for this. So together they hold the bound at most: equal parts alone would not do, as the first network would hold all of it, the
 * second a half more, the third a third …
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
    this.#wakeAll();
  }

  /** For a share: whether there is no room for it. */
  isFull({ bytes }: RelayedShare): boolean {
    const [all, networks] = [this.#bytesMax, this.#shares.size];
    if (networks <= 1) return this.#bytes >= all;
    if (bytes < (all * KEPT) / networks) return false;
    if (this.#bytes >= all * (1 - KEPT)) return true;
    return this.#bytes >= all * EQUAL_FROM && bytes >= (all * EQUAL_FROM) / this.#holding;
  }

  /** For a share: it holds so many bytes more, or (negative) fewer. */
  moved(share: RelayedShare, bytes: number): void {
    const wasFull = this.isFull(share);
    const [stood, held] = [this.#step(), share.bytes];
    this.#bytes += bytes;
    share.bytes += bytes;
    this.#holding += Number(share.bytes > 0) - Number(held > 0);
    if (bytes >= 0) return;
    // Fewer that hold something have larger parts each.
    if (this.#step() < stood || (stood > 0 && share.bytes === 0)) this.#wakeAll();
    else if (wasFull && !this.isFull(share)) share.wake();
  }

  /** At how many of the steps what all hold stands, from which on networks are full that hold more than a part. */
  #step(): number {
    const steps = this.#shares.size <= 1 ? [1] : [EQUAL_FROM, 1 - KEPT];
    return steps.filter((part) => this.#bytes >= this.#bytesMax * part).length;
  }

  #wakeAll(): void {
    for (const one of this.#shares) if (!this.isFull(one)) one.wake();
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
