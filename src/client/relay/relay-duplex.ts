import { Duplex } from 'node:stream';
import type { RelaySink, RelaySource } from './relay.js';

/** Bytes of a block: what a stream takes that does not say otherwise. */
const BLOCK_BYTES = 65_536;

/** Two streams through the server, one each way, as one Duplex. Owns both ends. */
export class RelayDuplex extends Duplex {
  readonly #blocks: AsyncIterator<Uint8Array>;

  constructor(
    private readonly source: RelaySource,
    private readonly sink: RelaySink,
  ) {
    super();
    this.#blocks = sink[Symbol.asyncIterator]();
  }

  override _read(): void {
    this.#blocks.next().then(
      ({ done, value }) => this.push(done ? null : value),
      (error: Error) => this.destroy(error),
    );
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#send(bytes).then(() => done(), done);
  }

  /** Finished is what the peer has taken: closing a stream lets go of everything that is on its way. */
  override _final(done: (error?: Error) => void): void {
    this.source.finish().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.source.close();
    this.sink.close();
    done(error);
  }

  async #send(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      await this.source.write(bytes.subarray(at, at + BLOCK_BYTES));
    }
  }
}
