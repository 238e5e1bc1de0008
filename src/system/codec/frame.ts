import { u32At } from './bytes.js';
import { Flaw } from './flaw.js';

/*
 *    0        1        2        3        4
 *   +--------+--------+--------+--------+- - -
 *   | length of the packet              | packet
 *   +--------+--------+--------+--------+- - -
 */

/** The length before a packet, on transports that are a stream of bytes. */
export const FRAME_HEADER_BYTES = 4;

const NOTHING = new Uint8Array(0);

/**
 * Cuts a stream of bytes into packets, on transports that do not keep messages apart.
 *
 * A length is compared with `packetBytesMax` before anything is set aside for it, and even then only what has come is
 * held: who announces a large packet and sends nothing costs nothing. A length past the bound leaves no way to find the
 * next packet, so it is the end: every later push gives the same Flaw.
 *
 * Holds at most `packetBytesMax` + 4 bytes, doubled while the buffer grows.
 */
export class FrameReader {
  /** Bytes of a frame whose end has not come, from the first one; the first `#held` count. */
  #buffer: Uint8Array = NOTHING;
  #held = 0;
  #flaw: Flaw | undefined;

  constructor(readonly packetBytesMax: number) {}

  /** How many bytes wait for the rest of their frame. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Takes what came and hands every packet that is complete now to `onPacket`, in order. A packet is a view: it is good
   * until the chunk's owner reuses the chunk. Gives a Flaw when the frames can no longer be told apart.
   */
  push(chunk: Uint8Array, onPacket: (packet: Uint8Array) => void): Flaw | undefined {
    let at = 0;
    while (this.#flaw === undefined) {
      if (this.#held === 0) {
        const frameBytes = this.#frameBytes(chunk, at, chunk.length);
        if (frameBytes === undefined || frameBytes > chunk.length - at) break;
        onPacket(chunk.subarray(at + FRAME_HEADER_BYTES, at + frameBytes));
        at += frameBytes;
      } else {
        const frameBytes = this.#frameBytes(this.#buffer, 0, this.#held) ?? FRAME_HEADER_BYTES;
        const wanted = Math.min(frameBytes - this.#held, chunk.length - at);
        this.#hold(chunk.subarray(at, at + wanted), frameBytes);
        at += wanted;
        const complete = this.#frameBytes(this.#buffer, 0, this.#held);
        if (complete === this.#held) {
          const packet = this.#buffer.subarray(FRAME_HEADER_BYTES, complete);
          this.#buffer = NOTHING;
          this.#held = 0;
          onPacket(packet);
        } else if (at === chunk.length) break;
      }
    }
    if (this.#flaw === undefined && at < chunk.length) this.#hold(chunk.subarray(at), FRAME_HEADER_BYTES);
    return this.#flaw;
  }

  /** The bytes of the frame that begins at `at`, header included; undefined while its header is not all there. */
  #frameBytes(bytes: Uint8Array, at: number, end: number): number | undefined {
    if (end - at < FRAME_HEADER_BYTES) return undefined;
    const packetBytes = u32At(bytes, at);
    if (packetBytes > this.packetBytesMax) {
      this.#flaw = new Flaw('TOO_LARGE', 0, `a packet of ${packetBytes} bytes; ${this.packetBytesMax} are the limit`);
      return undefined;
    }
    return FRAME_HEADER_BYTES + packetBytes;
  }

  /** Keeps bytes for later. Doubling, so that a packet in single bytes costs no more than its own copying. */
  #hold(bytes: Uint8Array, frameBytes: number): void {
    const held = this.#held + bytes.length;
    if (held > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(held, Math.min(frameBytes, this.#buffer.length * 2)));
      grown.set(this.#buffer.subarray(0, this.#held));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#held);
    this.#held = held;
  }
}
