import { hash } from 'node:crypto';
import { HASH_BYTES } from '../signed-bytes.js';

/** Bytes of a block of SHA-256. */
const BLOCK_BYTES = 64;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * HMAC-SHA-256 by one key, of short messages, as RFC 2104 makes it of two hashes. node:crypto's own is a stream for each message, with an
 * object outside the heap: it takes the event loop nearly twice as long.
 */
export class ShortHmac {
  readonly #inner: Buffer;
  /** Its second part is the inner hash of the message at hand. */
  readonly #outer: Buffer;

  /** Throws for a key longer than a block, which would have to be hashed first: a caller's mistake. */
  constructor(key: Uint8Array) {
    if (key.length > BLOCK_BYTES) throw new Error(`a key of ${key.length} bytes; ${BLOCK_BYTES} are the limit`);
    this.#inner = padded(key, INNER_PAD);
    this.#outer = Buffer.concat([padded(key, OUTER_PAD), Buffer.alloc(HASH_BYTES)]);
  }

  /** The HMAC of a message that comes in parts. */
  digest(...parts: readonly Uint8Array[]): Buffer {
    // As a string, the inner hash needs no memory outside the heap.
    this.#outer.write(hash('sha256', Buffer.concat([this.#inner, ...parts]), 'binary'), BLOCK_BYTES, 'latin1');
    return hash('sha256', this.#outer, 'buffer');
  }
}

function padded(key: Uint8Array, pad: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES, pad);
  for (const [at, byte] of key.entries()) block[at] ^= byte;
  return block;
}
