import type { Duplex } from 'node:stream';

/** A connection to a peer, as commands use it: text in, text out. */
export class PeerEnd {
  readonly #reader: AsyncIterator<Buffer>;
  #held = '';

  constructor(private readonly stream: Duplex) {
    this.#reader = stream[Symbol.asyncIterator]();
  }

  /** Resolves when the text was taken over. */
  send(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Says that nothing more is sent. */
  endWriting(): void {
    this.stream.end();
  }

  /** Reads so many characters. Rejects when the connection errs or ends before. */
  async receive(length: number): Promise<string> {
    while (this.#held.length < length) {
      const { done, value } = await this.#reader.next();
      if (done) throw new Error(`it ended after ${JSON.stringify(this.#held)}`);
      this.#held += value.toString('latin1');
    }
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }

  /** Reads up to the end that the peer says, and answers with what came. */
  async receiveEnd(): Promise<string> {
    for (;;) {
      const { done, value } = await this.#reader.next();
      if (done) return this.#held;
      this.#held += value.toString('latin1');
    }
  }
}
