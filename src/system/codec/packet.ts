import { ByteReader, type ByteWriter, u32At } from './bytes.js';
import { Flaw } from './flaw.js';

/*
 *    0        1        2        3        4        5        6        7        8
 *   +--------+--------+--------+--------+--------+--------+--------+--------+--------+- - -
 *   | stream id                         | flags  | packet id, if bit 1 is set        | body
 *   +--------+--------+--------+--------+--------+--------+--------+--------+--------+- - -
 */

/** The bits of a packet's flags. All others are 0. */
export const Flag = {
  /** The body is a system event; otherwise data of the stream. */
  EVENT: 0x01,
  /** A packet id stands before the body. */
  PACKET_ID: 0x02,
  /** The body is compressed with zlib (RFC 1950). Only data is. */
  COMPRESSED: 0x04,
  /** The packet only hides how much is said: it is dropped, whatever else stands in it. */
  NOISE: 0x08,
} as const;

const FLAGS_KNOWN = Flag.EVENT | Flag.PACKET_ID | Flag.COMPRESSED | Flag.NOISE;
const STREAM_ID_MAX = 0x7fffffff;

/** The bytes before the body, at least. */
export const PACKET_HEADER_BYTES = 5;

/** What travels over a transport: an event or a block of a stream's data. */
export interface Packet {
  /** 0: the connection itself. */
  readonly streamId: number;
  readonly event: boolean;
  readonly compressed: boolean;
  readonly noise: boolean;
  /** Names the packet for its answer or confirmation; undefined: neither can be told apart, or none is wanted. */
  readonly packetId: number | undefined;
  /** A view of what was received, not a copy. */
  readonly body: Uint8Array;
}

/** Reads a packet that fills `bytes`. Total: a packet, or a Flaw whose offset counts from the packet's first byte. */
export function decodePacket(bytes: Uint8Array): Packet | Flaw {
  const reader = new ByteReader(bytes);
  if (reader.take(4) < 0) return new Flaw('EVENT_TRUNCATED', 0, `stream id: 4 bytes needed, ${reader.left} there`);
  const streamId = u32At(bytes, 0);
  if (streamId > STREAM_ID_MAX) return new Flaw('FIELD_INVALID', 0, `stream id: at most ${STREAM_ID_MAX}`, 'stream_id');
  if (reader.take(1) < 0) return new Flaw('EVENT_TRUNCATED', 4, 'flags: 1 byte needed, 0 there');
  const flags = bytes[4];
  if ((flags & ~FLAGS_KNOWN) !== 0 || (flags & (Flag.EVENT | Flag.COMPRESSED | Flag.NOISE)) === COMPRESSED_EVENT) {
    return new Flaw('PACKET_FLAGS_INVALID', 4, `flags 0x${flags.toString(16).padStart(2, '0')}`);
  }
  let packetId: number | undefined;
  if ((flags & Flag.PACKET_ID) !== 0) {
    if (reader.take(4) < 0) return new Flaw('EVENT_TRUNCATED', 5, `packet id: 4 bytes needed, ${reader.left} there`);
    packetId = u32At(bytes, 5);
  }
  return {
    streamId,
    event: (flags & Flag.EVENT) !== 0,
    compressed: (flags & Flag.COMPRESSED) !== 0,
    noise: (flags & Flag.NOISE) !== 0,
    packetId,
    body: bytes.subarray(reader.at),
  };
}

const COMPRESSED_EVENT = Flag.EVENT | Flag.COMPRESSED;

/** Appends what stands before the body. Throws a RangeError for ids that have no place in it. */
export function encodePacketHeader(writer: ByteWriter, packet: Omit<Packet, 'body'>): void {
  const { streamId, packetId } = packet;
  if (!(Number.isInteger(streamId) && streamId >= 0 && streamId <= STREAM_ID_MAX)) {
    throw new RangeError(`${streamId} is not a stream id`);
  }
  writer.u32(streamId);
  writer.u8(
    (packet.event ? Flag.EVENT : 0) |
      (packetId === undefined ? 0 : Flag.PACKET_ID) |
      (packet.compressed ? Flag.COMPRESSED : 0) |
      (packet.noise ? Flag.NOISE : 0),
  );
  if (packetId === undefined) return;
  if (!(Number.isInteger(packetId) && packetId >= 0 && packetId <= 0xffffffff)) {
    throw new RangeError(`${packetId} is not a packet id`);
  }
  writer.u32(packetId);
}
