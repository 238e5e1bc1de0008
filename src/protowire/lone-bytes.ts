/*
 * Messages that consist of one field of bytes, most of all blocks of streams: generated code writes such a message into a buffer
 * that it enlarges as it goes and copies at the end, and copies the bytes again as it reads them.
 *
 *     tag 1 B | length, a varint of 1 to 5 B | bytes
 */

/** Bits of a varint's byte that are part of the number. */
const VARINT_BITS = 7;
const MORE = 0x80;
/** The most bytes of a varint that a length has. */
const VARINT_BYTES_MAX = 5;
/** Bytes from which on they are not copied out of what came with them: fewer would keep a whole read of a socket alive. */
const SHARED_BYTES_MIN = 16_384;

/** The message with these bytes in its only field; `tag` is below 128, so one byte. */
export function encodeLoneBytes(tag: number, bytes: Uint8Array): Buffer {
  const prefix = 1 + varintBytes(bytes.length);
  const message = Buffer.allocUnsafeSlow(prefix + bytes.length);
  message[0] = tag;
  let left = bytes.length;
  for (let at = 1; at < prefix; at++, left >>>= VARINT_BITS) message[at] = (left & 0x7f) | (at < prefix - 1 ? MORE : 0);
  message.set(bytes, prefix);
  return message;
}

/** The bytes of a message that consists of this field alone; undefined when it is any other message. They may share its memory. */
export function decodeLoneBytes(tag: number, message: Buffer): Buffer | undefined {
  if (message[0] !== tag) return undefined;
  let length = 0;
  for (let at = 1; at <= VARINT_BYTES_MAX && at < message.length; at++) {
    const byte = message[at];
    length += (byte & 0x7f) * 2 ** (VARINT_BITS * (at - 1));
    if (byte >= MORE) continue;
    if (message.length !== at + 1 + length) return undefined;
    const bytes = message.subarray(at + 1);
    return length < SHARED_BYTES_MIN ? Buffer.from(bytes) : bytes;
  }
  return undefined;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value >>> VARINT_BITS; left > 0; left >>>= VARINT_BITS) bytes++;
  return bytes;
}
