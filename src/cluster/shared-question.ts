/**
 * A question whose answer is good for everybody who asks before it is put: one is on its way at most, and who asks meanwhile shares
 * the next, because the one on its way may have been answered before.
 */
export class SharedQuestion<T> {
  readonly #put: () => Promise<T>;
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(put: () => Promise<T>) {
    this.#put = put;
  }

  /** An answer to what was put after this call. */
  ask(): Promise<T> {
    if (this.#running === undefined) return this.#begin();
    const next = () => {
      this.#next = undefined;
      return this.#begin();
    };
    this.#next ??= this.#running.then(next, next);
    return this.#next;
  }

  #begin(): Promise<T> {
    const running = this.#put().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
