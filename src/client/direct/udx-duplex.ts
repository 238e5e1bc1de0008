import { Duplex } from 'node:stream';
import type { UdxStream } from 'udx-native';

/** A stream of udx-native as one of Node's, which is what TLS wants under it. Owns the stream. */
export class UdxDuplex extends Duplex {
  readonly #stream: UdxStream;

  constructor(stream: UdxStream) {
    super();
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) stream.pause();
    });
    stream.on('end', () => this.push(null));
    stream.on('error', (error: Error) => this.destroy(error));
    stream.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    if (this.#stream.write(bytes)) done();
    else this.#stream.once('drain', done);
  }

  /** Finished is what the peer has acknowledged: unlike a kernel's TCP, nothing here outlives the process. */
  override _final(done: () => void): void {
    this.#stream.end();
    this.#stream.flush().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stream.destroy();
    done(error);
  }
}
