/**
 * Messages that pass from one who pushes to one who pulls, with none in between: a push is done when its message has
 * been pulled, so whoever pushes is held up as whoever pulls is.
 */
export class Handover<Message> implements AsyncIterable<Message> {
  readonly #waiting: { readonly message: Message; readonly taken: () => void }[] = [];
  #over = false;
  #wake: () => void = () => {};

  /** Resolves when the message was pulled, or will not be because all is over. */
  push(message: Message): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((taken) => {
      this.#waiting.push({ message, taken });
      this.#wake();
    });
  }

  /** What was pushed is still pulled, and then the end comes. */
  end(): void {
    this.#over = true;
    this.#wake();
  }

  /** It is over at once: nothing more is pulled. */
  abandon(): void {
    this.end();
    for (const { taken } of this.#waiting.splice(0)) taken();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        next.taken();
        yield next.message;
      } else if (this.#over) return;
      else
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
    }
  }
}
