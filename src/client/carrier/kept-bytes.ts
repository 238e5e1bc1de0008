/** Bytes are copied into blocks of this size: their writer may use its buffer again. */
const BLOCK_BYTES = 65_536;

/** Blocks that are filled again: what a peer takes before it says so. A new one costs three times what filling it does. */
const SPARE_MAX = 16;

/** A part of what was sent, filled from its beginning. */
interface Block {
  readonly bytes: Buffer;
  used: number;
}

/**
 * What was sent on a connection and may not have been taken by the peer's reader, so that it can be sent again on another carrier. Places
 * are counted from the first byte of the connection.
 *
 * Bounded by the carriers' windows: a carrier stops its sender when so much is untaken, and of two after each other both may be full.
 */
export class KeptBytes {
  #blocks: Block[] = [];
  #spare: Buffer[] = [];
  /** The place of the first block's first byte. */
  #from = 0;
  #takenEnd = 0;
  #end = 0;

  /** The place after the last byte that the peer has said to have taken: the block of that byte may still be held. */
  get takenEnd(): number {
    return this.#takenEnd;
  }

  /** The place after the last byte that was sent. */
  get end(): number {
    return this.#end;
  }

  /** How many bytes are held, whole blocks as they are. */
  get heldBytes(): number {
    return (this.#blocks.length + this.#spare.length) * BLOCK_BYTES;
  }

  /** Bytes are about to be sent. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const block = this.#roomy();
      const part = bytes.subarray(at, at + block.bytes.length - block.used);
      block.bytes.set(part, block.used);
      block.used += part.length;
      at += part.length;
    }
    this.#end += bytes.length;
  }

  /** The peer's reader has taken everything up to a place. */
  taken(place: number): void {
    this.#takenEnd = Math.max(this.#takenEnd, place);
    for (
      let first = this.#blocks[0];
      first !== undefined && this.#from + first.used <= place;
      first = this.#blocks[0]
    ) {
      this.#blocks.shift();
      this.#from += first.used;
      if (this.#spare.length < SPARE_MAX) this.#spare.push(first.bytes);
    }
    if (this.#blocks.length === 0) this.#spare = [];
  }

  /** What was sent from a place on. Throws when that was never sent, or when the peer had taken it. */
  after(place: number): Buffer[] {
    if (place < this.#takenEnd || place > this.#end) {
      throw new Error(`the peer goes on from byte ${place}; bytes ${this.#takenEnd} to ${this.#end} are there`);
    }
    let at = this.#from;
    const parts = this.#blocks.map(({ bytes, used }) => {
      const part = bytes.subarray(Math.min(used, Math.max(0, place - at)), used);
      at += used;
      return part;
    });
    return parts.filter(({ length }) => length > 0);
  }

  #roomy(): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.used < last.bytes.length) return last;
    const block = { bytes: this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES), used: 0 };
    this.#blocks.push(block);
    return block;
  }
}
