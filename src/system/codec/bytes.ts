/** Reads two bytes. The caller has checked that they are there. */
export function u16At(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/** Reads four bytes. The caller has checked that they are there. */
export function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/**
 * A place in received bytes that only moves over what is there.
 *
 * Everything is read through `take`: it is the one place where a length is compared with what is left, before anything
 * is read or allocated.
 */
export class ByteReader {
  constructor(
    readonly bytes: Uint8Array,
    /** Where the next take begins. */
    public at = 0,
    /** Where the bytes that may be read end. */
    readonly end = bytes.length,
  ) {}

  /** How many bytes are left. */
  get left(): number {
    return this.end - this.at;
  }

  /** Moves past `count` bytes and tells where they begin; -1, without moving, when fewer are left. */
  take(count: number): number {
    const from = this.at;
    if (count > this.end - from) return -1;
    this.at = from + count;
    return from;
  }
}

/** Most events are far smaller; the buffer doubles for those that are not. */
const FIRST_CAPACITY_BYTES = 512;

/**
 * Collects the bytes of one event or packet. Integers are unsigned and big-endian.
 *
 * Reusable: `finish` copies out and starts again, so a connection needs one writer and no event pays for its growth.
 */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY_BYTES);
  #length = 0;

  /** How many bytes were written since the last finish. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const at = this.#take(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#take(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  u32(value: number): void {
    const at = this.#take(4);
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** A cell's key and length. */
  header(key: number, length: number): void {
    const at = this.#take(3);
    const bytes = this.#bytes;
    bytes[at] = key;
    bytes[at + 1] = length >>> 8;
    bytes[at + 2] = length;
  }

  bytes(value: Uint8Array): void {
    const at = this.#take(value.length);
    this.#bytes.set(value, at);
  }

  /** Writes UTF-8. A lone surrogate becomes U+FFFD, since it has no encoding. */
  text(value: string): void {
    const length = value.length;
    const at = this.#take(length);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#length = at + i;
        this.bytes(ENCODER.encode(value.slice(i)));
        return;
      }
      bytes[at + i] = code;
    }
  }

  /** Puts a length that was not known before into the two bytes at `at`. */
  patchU16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  /** Puts a length that was not known before into the four bytes at `at`. */
  patchU32(at: number, value: number): void {
    this.patchU16(at, value >>> 16);
    this.patchU16(at + 2, value);
  }

  /** Forgets what was written past the first `length` bytes. */
  rewind(length: number): void {
    this.#length = length;
  }

  /**
   * Appends what `write` writes, all of it or nothing: what it had begun when it throws is forgotten. So a value that cannot be
   * encoded leaves nothing behind in a writer that others use after it.
   */
  whole(write: () => void): void {
    const start = this.#length;
    try {
      write();
    } catch (error) {
      this.#length = start;
      throw error;
    }
  }

  /** What was written, until the writer is used again, which is empty now. */
  view(): Uint8Array {
    const written = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return written;
  }

  /** A copy of what was written, and an empty writer again. */
  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return written;
  }

  #take(count: number): number {
    const at = this.#length;
    const length = at + count;
    if (length > this.#bytes.length) this.#grow(length);
    this.#length = length;
    return at;
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

const ENCODER = new TextEncoder();
