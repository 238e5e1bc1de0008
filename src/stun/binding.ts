import { addressBytes, addressText, type Endpoint } from './address.js';
import { crc32 } from './crc32.js';

/**
 * STUN Binding, both sides of it, as far as telling somebody their own address needs (RFC 8489).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |0 0|      message type         |  length of the attributes     |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                   magic cookie 2112A442                       |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                                                               |
 *     |                  transaction id (96 bits)                     |
 *     |                                                               |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |      attribute type           |    length of the value        |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |      value, padded to a multiple of 4 bytes ...               |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Not here, and to stay so: credentials, ICE's attributes, NAT behaviour discovery, and clients of RFC 3489 that send
 * no magic cookie.
 */
export interface StunMessage {
  /** Class and method as they stand on the wire: one of {@link StunType}, or what this codec does not know. */
  readonly type: number;
  /** 12 bytes. */
  readonly transactionId: Buffer;
  /** The attributes in their order, FINGERPRINT excepted. Views of the bytes that were read. */
  readonly attributes: readonly StunAttribute[];
  /** Whether it carried a FINGERPRINT, which was right. */
  readonly fingerprint: boolean;
}

/** One attribute without its padding. */
export interface StunAttribute {
  readonly type: number;
  readonly value: Buffer;
}

/** The message types of Binding. */
export const StunType = { REQUEST: 0x0001, INDICATION: 0x0011, SUCCESS: 0x0101, ERROR: 0x0111 } as const;

/** Bytes before the attributes. */
export const STUN_HEADER_BYTES = 20;

const MAGIC_COOKIE = 0x2112a442;
const FINGERPRINT_XOR = 0x5354554e;
const XOR_MAPPED_ADDRESS = 0x0020;
const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;
const FINGERPRINT = 0x8028;
/** From here on an attribute that nobody knows may be skipped (section 14). */
const OPTIONAL_FROM = 0x8000;
/**
 * Attributes that have to be understood and are: they prove who asks, and this server does not care (section 9.1.3).
 * USERNAME, MESSAGE-INTEGRITY, REALM, NONCE, MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH.
 */
const CREDENTIALS: ReadonlySet<number> = new Set([0x0006, 0x0008, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e]);
/** How many unknown attributes an error names: the first ones are enough to see what is wrong. */
const UNKNOWN_MAX = 8;
const UNKNOWN_PHRASE = Buffer.from('Unknown Attribute');

/** Why bytes are not a STUN message. */
export class StunError extends Error {}

/**
 * How many bytes the message has that begins here, as its header says; undefined while the header is incomplete.
 *
 * Throws what {@link decodeStun} would throw about the header, so that a byte stream is given up before anything is
 * collected.
 */
export function stunLength(bytes: Buffer): number | undefined {
  if (bytes.length < STUN_HEADER_BYTES) return undefined;
  if (bytes[0] >= 0x40) throw new StunError('the first two bits are not 0');
  if (bytes.readUInt32BE(4) !== MAGIC_COOKIE) throw new StunError('no magic cookie');
  const length = bytes.readUInt16BE(2);
  if (length % 4 !== 0) throw new StunError(`attributes of ${length} bytes are not padded`);
  return STUN_HEADER_BYTES + length;
}

/** Reads one message, which must be all of `bytes`. Throws {@link StunError}; never reads past the end. */
export function decodeStun(bytes: Buffer): StunMessage {
  const length = stunLength(bytes);
  if (length === undefined) throw new StunError(`${bytes.length} bytes are no header`);
  if (length !== bytes.length) throw new StunError(`${length} bytes announced, ${bytes.length} there`);
  const attributes: StunAttribute[] = [];
  let fingerprint = false;
  for (let at = STUN_HEADER_BYTES; at < bytes.length; ) {
    if (fingerprint) throw new StunError('FINGERPRINT is not the last attribute');
    const type = bytes.readUInt16BE(at);
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) throw new StunError(`the attribute at offset ${at} ends outside the message`);
    const value = bytes.subarray(at + 4, end);
    if (type === FINGERPRINT) fingerprint = checkFingerprint(bytes, at, value);
    else attributes.push({ type, value });
    at = end + padding(value.length);
  }
  return { type: bytes.readUInt16BE(0), transactionId: bytes.subarray(8, STUN_HEADER_BYTES), attributes, fingerprint };
}

/** Writes one message. */
export function encodeStun(message: StunMessage): Buffer {
  const parts = message.attributes.flatMap(({ type, value }) => [
    attributeHeader(type, value.length),
    value,
    Buffer.alloc(padding(value.length)),
  ]);
  const fingerprintBytes = message.fingerprint ? 8 : 0;
  const header = Buffer.alloc(STUN_HEADER_BYTES);
  header.writeUInt16BE(message.type, 0);
  header.writeUInt16BE(parts.reduce((sum, part) => sum + part.length, 0) + fingerprintBytes, 2);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  message.transactionId.copy(header, 8);
  const bytes = Buffer.concat([header, ...parts]);
  if (!message.fingerprint) return bytes;
  const value = Buffer.alloc(4);
  value.writeUInt32BE((crc32(bytes) ^ FINGERPRINT_XOR) >>> 0);
  return Buffer.concat([bytes, attributeHeader(FINGERPRINT, 4), value]);
}

/** A Binding request. The transaction id must be 12 bytes that nobody can guess. */
export function bindingRequest(transactionId: Uint8Array): Buffer {
  return encodeStun({
    type: StunType.REQUEST,
    transactionId: Buffer.from(transactionId),
    attributes: [],
    fingerprint: false,
  });
}

/**
 * What to answer to a message that came from `from`; undefined when it gets no answer, as an indication or a response.
 *
 * An answer is at most 32 bytes larger than its request: an address takes 12 or 24, an error 32 more than the attribute
 * that it complains of. So a forged source gains an attacker nothing, and for the same reason there is no SOFTWARE.
 */
export function bindingAnswer(request: StunMessage, from: Endpoint): Buffer | undefined {
  if (request.type !== StunType.REQUEST) return undefined;
  const { transactionId, fingerprint } = request;
  const unknown = unknownAttributes(request);
  const attributes =
    unknown.length > 0
      ? [
          { type: ERROR_CODE, value: Buffer.concat([Buffer.from([0, 0, 4, 20]), UNKNOWN_PHRASE]) },
          { type: UNKNOWN_ATTRIBUTES, value: Buffer.from(Uint16Array.from(unknown).buffer).swap16() },
        ]
      : [{ type: XOR_MAPPED_ADDRESS, value: xorAddress(from, transactionId) }];
  return encodeStun({
    type: unknown.length > 0 ? StunType.ERROR : StunType.SUCCESS,
    transactionId,
    attributes,
    fingerprint,
  });
}

/** The address in a success to the request with this transaction id; undefined when it is something else. */
export function mappedAddress(response: StunMessage, transactionId: Uint8Array): Endpoint | undefined {
  if (response.type !== StunType.SUCCESS || !response.transactionId.equals(transactionId)) return undefined;
  const value = response.attributes.find(({ type }) => type === XOR_MAPPED_ADDRESS)?.value;
  if (!value || !((value.length === 8 && value[1] === 1) || (value.length === 20 && value[1] === 2))) return undefined;
  const port = value.readUInt16BE(2) ^ (MAGIC_COOKIE >>> 16);
  return { host: addressText(xor(value.subarray(4), response.transactionId)), port };
}

/**
 * The first attributes that ought to be understood and are not. What stands behind MESSAGE-INTEGRITY is not protected
 * by it and therefore not looked at (section 14.5).
 */
function unknownAttributes(message: StunMessage): number[] {
  const unknown: number[] = [];
  for (const { type } of message.attributes) {
    if (type === 0x0008 || type === 0x001c) break;
    if (type < OPTIONAL_FROM && !CREDENTIALS.has(type) && unknown.length < UNKNOWN_MAX) unknown.push(type);
  }
  return unknown;
}

/**
 *     | 0 | family 1: IPv4, 2: IPv6 | port ^ cookie | address ^ (cookie | transaction id) |
 *
 * Masked because some NATs rewrite every copy of the address that they find (section 14.2).
 */
function xorAddress(from: Endpoint, transactionId: Buffer): Buffer {
  const address = addressBytes(from.host);
  if (address === undefined) throw new Error(`a packet came from ${from.host}, which is no IP address`);
  const head = Buffer.from([0, address.length === 4 ? 1 : 2, 0, 0]);
  head.writeUInt16BE(from.port ^ (MAGIC_COOKIE >>> 16), 2);
  return Buffer.concat([head, xor(address, transactionId)]);
}

function xor(address: Buffer, transactionId: Buffer): Buffer {
  const mask = Buffer.concat([Buffer.from([0x21, 0x12, 0xa4, 0x42]), transactionId]);
  return Buffer.from(address.map((byte, at) => byte ^ mask[at]));
}

function checkFingerprint(bytes: Buffer, at: number, value: Buffer): true {
  const expected = (crc32(bytes.subarray(0, at)) ^ FINGERPRINT_XOR) >>> 0;
  if (value.length !== 4 || value.readUInt32BE(0) !== expected) throw new StunError('FINGERPRINT is wrong');
  return true;
}

function attributeHeader(type: number, length: number): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16BE(type, 0);
  header.writeUInt16BE(length, 2);
  return header;
}

function padding(length: number): number {
  return -length & 3;
}
