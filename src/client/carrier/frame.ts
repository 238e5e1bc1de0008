import { CarrierFrameKind, type DataFrame } from './carrier.js';

/*
 * A frame inside TLS, on a direct path or on the relay (`relay_version` 2 of the protos):
 *
 *     0        1                 4
 *    +--------+-----------------+-------+        kind 0: DATA; 2: ALIVE and 3: END, of length 0;
 *    | kind   | length (big-end)| bytes |             4: TAKEN, without bytes: its length is the number of bytes taken;
 *    +--------+-----------------+-------+             1: MOVED, only on the relay, without bytes: its length is the attempt
 */
const HEAD_BYTES = 4;

/** The most bytes that one frame carries: more than anybody writes at once. The reader holds none of them. */
export const FRAME_BYTES_MAX = 1 << 20;

/** The head of a frame. */
export function frameHead(kind: CarrierFrameKind, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(kind * 2 ** 24 + length);
  return head;
}

/** What is read besides data: the end of the peer's way, that it goes on elsewhere, and what its reader has taken. */
type SpecialFrame =
  | { readonly kind: typeof CarrierFrameKind.END }
  | { readonly kind: typeof CarrierFrameKind.MOVED; readonly attempt: number }
  | { readonly kind: typeof CarrierFrameKind.TAKEN; readonly count: number };

/**
 * Reads frames out of chunks that begin and end anywhere.
 *
 * The bytes of a frame are handed out as they come, chunk by chunk, and not gathered: it holds less than a head.
 */
export class CarrierFrameReader {
  #head = Buffer.alloc(0);
  /** Bytes of the present frame that have yet to come. */
  #left = 0;
  #ended = false;

  /** `mayMove`: whether the peer's bytes may go on elsewhere. */
  constructor(private readonly mayMove = false) {}

  /** The frames, or parts of them, in a chunk. Throws when it is no frame, or one that cannot come here. */
  read(chunk: Buffer): (DataFrame | SpecialFrame)[] {
    const frames: (DataFrame | SpecialFrame)[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left === 0) {
        const missing = HEAD_BYTES - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#head.length === HEAD_BYTES) frames.push(...this.#readHead());
        continue;
      }
      const bytes = rest.subarray(0, this.#left);
      frames.push({ kind: CarrierFrameKind.DATA, bytes });
      this.#left -= bytes.length;
      rest = rest.subarray(bytes.length);
    }
    return frames;
  }

  /** Answers with the frame when it has no bytes to follow. */
  #readHead(): SpecialFrame[] {
    const [kind] = this.#head;
    const length = this.#head.readUIntBE(1, 3);
    this.#head = Buffer.alloc(0);
    const isEmpty = kind === CarrierFrameKind.ALIVE || kind === CarrierFrameKind.END;
    const isMove = kind === CarrierFrameKind.MOVED && this.mayMove;
    const mayHaveLength =
      isMove || kind === CarrierFrameKind.TAKEN || (kind === CarrierFrameKind.DATA && length <= FRAME_BYTES_MAX);
    if (isEmpty ? length > 0 : !mayHaveLength) {
      throw new Error(`the peer sends a frame of kind ${kind} with ${length} bytes, which none has`);
    }
    if (kind === CarrierFrameKind.TAKEN) return [{ kind, count: length }];
    if (kind === CarrierFrameKind.ALIVE) return [];
    if (this.#ended) throw new Error('the peer sends more after it has said that it is done');
    if (kind === CarrierFrameKind.DATA) {
      this.#left = length;
      return [];
    }
    if (isMove) return [{ kind: CarrierFrameKind.MOVED, attempt: length }];
    this.#ended = true;
    return [{ kind: CarrierFrameKind.END }];
  }
}

/** The number of an attempt, as a frame that says MOVED has it. */
export function attemptWord(attempt: number): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(attempt);
  return word;
}
