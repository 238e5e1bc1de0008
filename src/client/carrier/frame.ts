import { type DataFrame, FrameKind } from './carrier.js';

/*
 * A frame on a direct path:
 *
 *     0        1                 4
 *    +--------+-----------------+-------+
 *    | kind   | length (big-end)| bytes |        kind 0: DATA; 2: ALIVE and 3: END, of length 0
 *    +--------+-----------------+-------+
 */
const HEAD_BYTES = 4;

/** The most bytes that one frame carries: more than anybody writes at once. The reader holds none of them. */
export const FRAME_BYTES_MAX = 1 << 20;

/** The head of a frame. */
export function frameHead(kind: FrameKind, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(kind * 2 ** 24 + length);
  return head;
}

/** The end of the peer's way. Nothing but signs of life may follow it. */
interface EndFrame {
  readonly kind: typeof FrameKind.END;
}

/**
 * Reads frames out of chunks that begin and end anywhere.
 *
 * The bytes of a frame are handed out as they come, chunk by chunk, and not gathered: it holds less than a head.
 */
export class FrameReader {
  #head = Buffer.alloc(0);
  /** Bytes of the present frame that have yet to come. */
  #left = 0;
  #ended = false;

  /** The frames, or parts of them, in a chunk. Throws when it is no frame, or one that cannot come here. */
  read(chunk: Buffer): (DataFrame | EndFrame)[] {
    const frames: (DataFrame | EndFrame)[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left === 0) {
        const hadEnded = this.#ended;
        rest = this.#readHead(rest);
        if (this.#ended && !hadEnded) frames.push({ kind: FrameKind.END });
        continue;
      }
      const bytes = rest.subarray(0, this.#left);
      frames.push({ kind: FrameKind.DATA, bytes });
      this.#left -= bytes.length;
      rest = rest.subarray(bytes.length);
    }
    return frames;
  }

  /** Answers with what follows the head, or the part of it that is here. */
  #readHead(bytes: Buffer): Buffer {
    const missing = HEAD_BYTES - this.#head.length;
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)]);
    if (this.#head.length < HEAD_BYTES) return Buffer.alloc(0);
    const [kind] = this.#head;
    const length = this.#head.readUIntBE(1, 3);
    this.#head = Buffer.alloc(0);
    const isEmpty = kind === FrameKind.ALIVE || kind === FrameKind.END;
    const isKnown = isEmpty ? length === 0 : kind === FrameKind.DATA && length <= FRAME_BYTES_MAX;
    if (!isKnown) throw new Error(`the peer sends a frame of kind ${kind} with ${length} bytes, which none has`);
    if (this.#ended && kind !== FrameKind.ALIVE)
      throw new Error('the peer sends more after it has said that it is done');
    this.#ended ||= kind === FrameKind.END;
    this.#left = length;
    return bytes.subarray(missing);
  }
}
