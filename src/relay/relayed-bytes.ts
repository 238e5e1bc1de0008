/** Counts the bytes that the relays of all networks hold together, and wakes them when there is room again. */
export class RelayedBytes {
  readonly #bytesMax: number;
  readonly #wakes = new Set<() => void>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether there is no room: every source waits. */
  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  /** Calls back whenever there is room again. */
  onRoom(wake: () => void): void {
    this.#wakes.add(wake);
  }

  /** Calls back no more. */
  forget(wake: () => void): void {
    this.#wakes.delete(wake);
  }

  /** So many bytes more are held, or (negative) fewer. */
  add(bytes: number): void {
    const wasFull = this.isFull;
    this.#bytes += bytes;
    if (wasFull && !this.isFull) for (const wake of this.#wakes) wake();
  }
}
