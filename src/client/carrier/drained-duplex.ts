import { Duplex } from 'node:stream';

/** A Duplex whose program reads what has come before an error of reading ends it. Node drops what is buffered as a stream is destroyed. */
export abstract class DrainedDuplex extends Duplex {
  #failure: Error | undefined;

  /** Nothing more comes: errs once the program asks for more than is there. */
  protected failOnceRead(error: Error): void {
    this.#failure ??= error;
    if (this.readableLength === 0) this.destroy(this.#failure);
    // A program that waits for more than is there asks again.
    else this.emit('readable');
  }

  /** Errs at once, if it is to. */
  protected failUnread(): void {
    if (this.#failure !== undefined) this.destroy(this.#failure);
  }

  override read(size?: number): unknown {
    const bytes: unknown = super.read(size);
    if (bytes === null && size !== 0) this.failUnread();
    return bytes;
  }
}
