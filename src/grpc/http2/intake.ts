/** Bytes before a message: a flag, and its length. */
const PREFIX_BYTES = 5;
/** Deflate compresses by this factor at most. */
const DEFLATE_RATIO_MAX = 1_032;
/**
 * What a message takes that grpc-js has decoded and not handed on, beside its bytes: its entry in a queue, a buffer and the request
 * made of it. 16 KiB have 3,276 messages of nothing, which made a server grow by 1 MiB.
 */
const QUEUED_MESSAGE_BYTES = 512;

/**
 * What the request side of one call holds in memory, counted from the bytes as they come.
 *
 *     flag 1 B (1: compressed) | length 4 B | message
 *
 * An incomplete message counts with the bytes received so far. A complete compressed message counts with the most that it can
 * inflate to, until the call reads on: grpc-js inflates all messages of a chunk at once and does not say when it is done.
 *
 * The messages of a chunk beyond the first are queued: grpc-js makes an object of each at once, and hands them on one by one.
 *
 * The announced length of a message does not count: grpc-js allocates nothing for it.
 */
export class Intake {
  private prefix = 0;
  private length = 0;
  private compressed = false;
  /** Bytes of the message that have come. */
  private come = 0;
  /** Bytes that the compressed messages of the last chunk may become. */
  private inflated = 0;
  /** Bytes that the messages of the last chunk take which wait for the first. */
  queued = 0;
  /** Messages that the last chunk has brought to their end. */
  messages = 0;

  constructor(private readonly messageBytesMax: number) {}

  /** Counts a chunk; it comes only once everything before it was read. Returns the bytes held from now on, beside those of {@link queued}. */
  take(chunk: Uint8Array): number {
    this.inflated = 0;
    this.messages = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.prefix < PREFIX_BYTES) {
        this.takePrefix(chunk[at++]);
        if (this.prefix < PREFIX_BYTES || this.length > 0) continue;
      } else {
        const step = Math.min(this.length - this.come, chunk.length - at);
        this.come += step;
        at += step;
        if (this.come < this.length) break;
      }
      this.messages++;
      if (this.compressed) this.inflated += Math.min(this.length * DEFLATE_RATIO_MAX, this.messageBytesMax);
      this.prefix = 0;
      this.come = 0;
      this.length = 0;
    }
    this.queued = Math.max(0, this.messages - 1) * QUEUED_MESSAGE_BYTES;
    return this.come + this.inflated;
  }

  /** The call reads on, so every message of the last chunk was handed on. Returns the bytes held. */
  readOn(): number {
    this.queued = 0;
    return this.come + this.inflated;
  }

  /** The request has ended: an incomplete message is dropped. A message may still be inflating, and others be queued. Returns the bytes held. */
  end(): number {
    return this.inflated;
  }

  private takePrefix(byte: number): void {
    if (this.prefix === 0) this.compressed = byte === 1;
    else this.length = this.length * 256 + byte;
    this.prefix++;
  }
}
