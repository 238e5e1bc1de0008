/**
 * Reads Protobuf's wire format by hand, for the few messages of which a start reads a million: in less than half the time of
 * the generated decoders, which make a BigInt of each large number and a buffer of each hash on the way.
 *
 * Only the good case. What it does not understand (a cut message, a number past 2^53) leaves it unsound, and whoever reads
 * then has the generated decoder read the same bytes again and say what is wrong.
 */
export class WireReader {
  /** Whether all that was read could be. */
  isSound = true;

  constructor(
    private readonly bytes: Buffer,
    /** Where the next value begins. */
    public at = 0,
  ) {}

  /** An `int32` that is not negative. */
  int32(): number {
    const value = this.varint();
    return value <= 0x7fffffff ? value : this.unsound();
  }

  /** A `uint32`, or a `bool`. */
  uint32(): number {
    const value = this.varint();
    return value <= 0xffffffff ? value : this.unsound();
  }

  /** A tag, a length, or a `uint64`. */
  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++];
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let weight = 128; weight <= 2 ** 49; weight *= 128) {
      byte = bytes[this.at++];
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return this.checked(value);
    }
    return this.unsound();
  }

  /** Where a value ends that begins with its length. It is all there. */
  end(): number {
    const length = this.varint();
    const end = this.at + length;
    return end <= this.bytes.length ? end : this.unsound();
  }

  /** A `string`. */
  text(): string {
    const end = this.end();
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end;
    return text;
  }

  /** `bytes`, a character each. */
  latin1(): string {
    const end = this.end();
    const text = this.bytes.toString('latin1', this.at, end);
    this.at = end;
    return text;
  }

  private checked(value: number): number {
    return Number.isSafeInteger(value) ? value : this.unsound();
  }

  /** Leaves it behind everything, so that no loop goes on. */
  private unsound(): number {
    this.isSound = false;
    this.at = this.bytes.length;
    return this.at;
  }
}
