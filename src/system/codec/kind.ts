import { type ByteWriter, u16At, u32At } from './bytes.js';
import type { Flaw } from './flaw.js';

/**
 * How one value stands in a cell. Stateless, one object for each kind, shared by all fields of it.
 *
 * Numbers have one width each instead of as few bytes as they need: a value has one encoding, and a microcontroller can
 * read it at a fixed offset.
 */
export interface Kind<T> {
  /** As the document's tables say it. */
  readonly name: string;
  /** Shorter and longer values are refused before `read` is called. */
  readonly minBytes: number;
  readonly maxBytes: number;
  /** The value in the bytes from `at` to `end`; undefined when they make none, a Flaw when it can say where. */
  read(bytes: Uint8Array, at: number, end: number): T | undefined | Flaw;
  /** Appends the value; false, with nothing or some of it written, for one that the kind cannot hold. */
  write(writer: ByteWriter, value: T): boolean;
}

/** What a cell can carry at most: its length has two bytes. */
export const CELL_BYTES_MAX = 0xffff;

function integer(name: string, byteCount: 1 | 2 | 4, max: number): Kind<number> {
  const read =
    byteCount === 1
      ? (bytes: Uint8Array, at: number) => bytes[at]
      : byteCount === 2
        ? u16At
        : (bytes: Uint8Array, at: number) => {
            const value = u32At(bytes, at);
            return value > max ? undefined : value;
          };
  return {
    name,
    minBytes: byteCount,
    maxBytes: byteCount,
    read,
    write(writer, value) {
      if (!(Number.isInteger(value) && value >= 0 && value <= max)) return false;
      if (byteCount === 1) writer.u8(value);
      else if (byteCount === 2) writer.u16(value);
      else writer.u32(value);
      return true;
    },
  };
}

/** 0-255. Enumerations too: an unknown member is for the receiver to judge, so that a newer peer is not unreadable. */
export const u8 = integer('u8', 1, 0xff);
/** 0-65,535. */
export const u16 = integer('u16', 2, 0xffff);
/** 0-4,294,967,295. */
export const u32 = integer('u32', 4, 0xffffffff);
/** 0-2,147,483,647: a SID or a stream id, which are int32 elsewhere. */
export const id = integer('id', 4, 0x7fffffff);

/** 0 to 2^53 - 1: a revision, which must survive in every language's numbers. */
export const u64: Kind<number> = {
  name: 'u64',
  minBytes: 8,
  maxBytes: 8,
  read(bytes, at) {
    const value = u32At(bytes, at) * 0x100000000 + u32At(bytes, at + 4);
    return value > Number.MAX_SAFE_INTEGER ? undefined : value;
  },
  write(writer, value) {
    if (!(Number.isSafeInteger(value) && value >= 0)) return false;
    writer.u32(Math.floor(value / 0x100000000));
    writer.u32(value >>> 0);
    return true;
  },
};

/** One byte, 0 or 1; anything else is refused, so that a value has one encoding. */
export const bool: Kind<boolean> = {
  name: 'bool',
  minBytes: 1,
  maxBytes: 1,
  read(bytes, at) {
    const value = bytes[at];
    return value > 1 ? undefined : value === 1;
  },
  write(writer, value) {
    writer.u8(value ? 1 : 0);
    return true;
  },
};

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Up to here, ASCII put together by hand is quicker than the decoder. */
const SHORT_TEXT_BYTES = 48;
/** Room for the characters of a short text of each length. */
const CODES = Array.from({ length: SHORT_TEXT_BYTES + 1 }, (_, length) => new Array<number>(length).fill(0));

function readText(bytes: Uint8Array, at: number, end: number): string | undefined {
  const codes = CODES[end - at];
  if (codes !== undefined) {
    let all = 0;
    for (let i = 0; i < codes.length; i++) all |= codes[i] = bytes[at + i];
    if (all < 0x80) return String.fromCharCode.apply(null, codes);
  }
  try {
    return DECODER.decode(bytes.subarray(at, end));
  } catch {
    // Not UTF-8. The decoder has no other way to say so.
    return undefined;
  }
}

/** UTF-8 as RFC 3629 has it: shortest form, no surrogates, nothing past U+10FFFF; a byte order mark is text. */
export function text(maxBytes = CELL_BYTES_MAX): Kind<string> {
  return {
    name: maxBytes === CELL_BYTES_MAX ? 'text' : `text, at most ${maxBytes} bytes`,
    minBytes: 0,
    maxBytes,
    read: readText,
    write(writer, value) {
      writer.text(value);
      return true;
    },
  };
}

/** Bytes that the codec does not look into. What is read is a view of what was received, not a copy. */
export function blob(maxBytes = CELL_BYTES_MAX, minBytes = 0): Kind<Uint8Array> {
  const name =
    minBytes === maxBytes
      ? `${maxBytes} bytes`
      : maxBytes === CELL_BYTES_MAX
        ? 'bytes'
        : `bytes, ${minBytes}-${maxBytes}`;
  return {
    name,
    minBytes,
    maxBytes,
    read: (bytes, at, end) => bytes.subarray(at, end),
    write(writer, value) {
      writer.bytes(value);
      return true;
    },
  };
}

const HEX = '0123456789abcdef';
const DASH = '-'.charCodeAt(0);
/** The codes of each byte's two digits. */
const HIGH_DIGITS = Uint8Array.from({ length: 256 }, (_, byte) => HEX.charCodeAt(byte >>> 4));
const LOW_DIGITS = Uint8Array.from({ length: 256 }, (_, byte) => HEX.charCodeAt(byte & 15));
/** What each character means as a digit; -1: it is none. */
const DIGITS = Int8Array.from({ length: 256 }, (_, code) => HEX.indexOf(String.fromCharCode(code).toLowerCase()));
const DASH_PLACES = [8, 13, 18, 23];
/** Where the first digit of each of a UUID's 16 bytes stands in its 36 characters. */
const DIGIT_PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** 16 bytes; in memory the 36 characters of RFC 9562, in lower case. Any 16 bytes are one, the receiver judges them. */
export const uuid: Kind<string> = {
  name: 'uuid',
  minBytes: 16,
  maxBytes: 16,
  // Spelled out: an array of 36 codes, filled in a loop, costs twice as much.
  read(bytes, at) {
    const high = (index: number) => HIGH_DIGITS[bytes[at + index]];
    const low = (index: number) => LOW_DIGITS[bytes[at + index]];
    // biome-ignore format: the groups of a UUID
    return String.fromCharCode(
      high(0), low(0), high(1), low(1), high(2), low(2), high(3), low(3), DASH,
      high(4), low(4), high(5), low(5), DASH,
      high(6), low(6), high(7), low(7), DASH,
      high(8), low(8), high(9), low(9), DASH,
      high(10), low(10), high(11), low(11), high(12), low(12), high(13), low(13), high(14), low(14), high(15), low(15),
    );
  },
  write(writer, value) {
    let digits = value.length === 36 ? 0 : -1;
    for (let i = 0; i < 16 && digits >= 0; i++) {
      const place = DIGIT_PLACES[i];
      digits = ((DIGITS[value.charCodeAt(place)] ?? -1) << 4) | (DIGITS[value.charCodeAt(place + 1)] ?? -1);
      writer.u8(digits);
    }
    for (const place of DASH_PLACES) if (value.charCodeAt(place) !== DASH) digits = -1;
    return digits >= 0;
  },
};
