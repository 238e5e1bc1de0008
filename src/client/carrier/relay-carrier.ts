import type { RelaySink, RelaySource } from '../relay/relay.js';
import { type Carrier, CarrierFrameKind, type Frame } from './carrier.js';

/**
 * Two streams through the server, one each way. A frame is a block (`relay_version` 1 of the protos):
 *
 *     | kind 1 B | bytes |        kind 0: DATA, 1: MOVED
 */
export class RelayCarrier implements Carrier {
  /** What fits a block of a stream that does not say otherwise, with the kind before it. */
  readonly frameBytesMax = 65_535;
  readonly #blocks: AsyncIterator<Uint8Array>;
  #closed = false;

  constructor(
    private readonly source: RelaySource,
    private readonly sink: RelaySink,
  ) {
    this.#blocks = sink[Symbol.asyncIterator]();
  }

  get isOver(): boolean {
    return this.#closed;
  }

  async send(kind: CarrierFrameKind, bytes: Uint8Array): Promise<void> {
    await this.source.write(Buffer.concat([Buffer.of(kind), bytes]));
  }

  async receive(): Promise<Frame | undefined> {
    const { done, value } = await this.#blocks.next();
    if (done) return undefined;
    const [kind] = value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length).subarray(1);
    if (kind === CarrierFrameKind.DATA || kind === CarrierFrameKind.MOVED) return { kind, bytes };
    throw new Error(`the peer relays frames of kind ${kind ?? 'none'}, which this client does not know`);
  }

  /** What the peer has taken: closing a stream lets go of everything that is on its way. */
  finish(): Promise<void> {
    return this.source.finish();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.source.close();
    this.sink.close();
  }
}
