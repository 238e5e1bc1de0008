/** Frames that are kept: watchers are woken together, and those that fall behind do so in a few groups. */
const KEPT = 4;
/** Nothing larger is kept: the few snapshots and revisions that are cost their copying. */
const KEPT_BYTES_MAX = 524_288;
const PREFIX_BYTES = 5;

/** Memory in which a message stands behind the prefix that it has on the wire. */
const framed = new WeakSet<ArrayBufferLike>();

/** Joins the pieces of a message, in memory that {@link Frames} need not copy once more. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  // Memory of its own: what shares it would be taken for framed, too.
  const frame = Buffer.allocUnsafeSlow(PREFIX_BYTES + length);
  writePrefix(frame, length);
  let at = PREFIX_BYTES;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  framed.add(frame.buffer);
  return frame.subarray(PREFIX_BYTES);
}

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
    const { buffer, byteOffset, length } = message;
    if (framed.has(buffer)) return Buffer.from(buffer, byteOffset - PREFIX_BYTES, PREFIX_BYTES + length);
    for (const { message: known, frame } of this.kept) if (isSame(known, message)) return frame;
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
    writePrefix(frame, length);
    frame.set(message, PREFIX_BYTES);
    if (frame.length <= KEPT_BYTES_MAX) this.kept[this.next++ % KEPT] = { message, frame };
    return frame;
  }
}

function writePrefix(frame: Buffer, length: number): void {
  frame[0] = 0;
  frame.writeUInt32BE(length, 1);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length === other.length;
}
