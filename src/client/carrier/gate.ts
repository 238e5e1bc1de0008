/** What work waits at while it is shut. Open at first. */
export class Gate {
  #opened: Promise<void> | undefined;
  #open: () => void = () => {};

  get isShut(): boolean {
    return this.#opened !== undefined;
  }

  /** Resolves when it is open. */
  get opened(): Promise<void> {
    return this.#opened ?? Promise.resolve();
  }

  shut(): void {
    this.#opened ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
    this.#opened = undefined;
  }
}
