/** Frames that are kept: watchers are woken together, and those that fall behind do so in a few groups. */
const KEPT = 4;
/** Nothing larger is kept: the few snapshots and revisions that are cost their copying. */
const KEPT_BYTES_MAX = 524_288;
const PREFIX_BYTES = 5;

interface Kept {
  readonly message: Uint8Array;
  readonly frame: Buffer;
}

/**
 * The newest messages as gRPC has them on the wire, so that many watchers of the same bytes share them.
 *
 *     0 (not compressed) 1 B | length 4 B, big-endian | message
 *
 * A message is known by where it lies in memory, which is right for bytes that are written once: those of the log, and
 * those that a message was encoded into.
 */
export class Frames {
  private readonly kept: Kept[] = [];
  private next = 0;

  /** The frame of a message, whose bytes will never change. */
  of(message: Uint8Array): Buffer {
    for (const { message: known, frame } of this.kept) if (isSame(known, message)) return frame;
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
    frame[0] = 0;
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, PREFIX_BYTES);
    if (frame.length <= KEPT_BYTES_MAX) this.kept[this.next++ % KEPT] = { message, frame };
    return frame;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length === other.length;
}
