import { once } from 'node:events';
import type { Duplex } from 'node:stream';

/** The number of bytes as it is said: 64 bits, big-endian. */
const PLACE_BYTES = 8;

/**
 * Says how many bytes of the peer's this end has read, and answers with how many of its own the peer has: before anything else is said on
 * the stream, which is left paused. Rejects, and destroys the stream, when it ends before or `signal` fires.
 */
export async function exchangePlaces(stream: Duplex, read: number, signal: AbortSignal): Promise<number> {
  const own = Buffer.alloc(PLACE_BYTES);
  own.writeBigUInt64BE(BigInt(read));
  stream.write(own);
  try {
    return Number((await readPlace(stream, signal)).readBigUInt64BE());
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

async function readPlace(stream: Duplex, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = stream.read(PLACE_BYTES);
    if (bytes?.length === PLACE_BYTES) return bytes;
    if (bytes !== null || stream.destroyed || stream.readableEnded) {
      throw new Error('the stream ended before the peer had said how much it has read');
    }
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const closed = Promise.race([once(stream, 'close', { signal: either }), once(stream, 'end', { signal: either })]);
    try {
      await Promise.race([once(stream, 'readable', { signal: either }), closed]);
    } finally {
      over.abort();
      closed.catch(() => {});
    }
  }
}
