import { crc32 } from 'node:zlib';
import { JournalError } from '../journal.js';

/*
 * A frame, the form of everything that a journal stores. Integers are unsigned, big-endian:
 *
 *    0       1       2       3       4         5        6
 *   +-------+-------+-------+-------+---------+--------+-----------------+
 *   |             crc32             | version |  kind  |    content …    |
 *   +-------+-------+-------+-------+---------+--------+-----------------+
 *
 * The checksum (the CRC-32 of zlib and Ethernet) is over
 *
 *   revision 8 B | part 4 B | version 1 B | kind 1 B | content
 *
 * of which the first two are not stored: they say where the frame belongs, and the place that it is read from says them
 * again. So a frame that stands where another belongs is as damaged as one with a flipped bit. These six bytes and
 * the checksum keep their form in every version to come: a higher version with a right checksum is a newer build's,
 * with a wrong one it is damage.
 */

/**
 * The formats that this build reads. Each frame has the lowest that can say what the frame says, and the header that of the
 * folder. A folder of an earlier format moves on with the first append, and is refused by builds of before from then on.
 */
export const Format = {
  /** Release 0.1.0. What its commands came to depended on the options of the process that wrote them. */
  FIRST: 1,
  /**
   * Limits are part of the state: SetLimits, the limits of a snapshot, the initial limits in the header. Commands say when they
   * were stored, and may have request ids.
   */
  LIMITS: 2,
  /** Identities and their keys. A folder gets it with the first record of it. */
  IDENTITIES: 3,
  /** A new epoch: what a restored backup begins with; several servers. A folder gets it with the first record of either. */
  EPOCHS: 4,
} as const;

/** The newest of them. */
export const FORMAT_VERSION = Format.EPOCHS;

/** What a new folder gets, and one of format 1 that moves on: the lowest that can say what every folder says. */
export const NEW_FOLDER_FORMAT = Format.LIMITS;

/** What a frame holds. The numbers are stored. */
export const FrameKind = {
  /** A Command of `switchyard.journal.v1`. */
  RECORD: 1,
  /** A SnapshotChunk of `switchyard.journal.v1`. */
  CHUNK: 2,
  /** How many parts a snapshot has. 8 bytes, big-endian. */
  SNAPSHOT_MARK: 3,
  /** Up to which revision records were forgotten. 8 bytes, big-endian; from format 2 on followed by a Header. */
  HEADER: 4,
  /** What one append wrote into a shared log: a Batch. The frame's revision is the batch's seq. */
  BATCH: 5,
  /** Where a shared log ends: a Head. It belongs nowhere in the sequence, as the two below. */
  LOG_HEAD: 6,
  /** Who leads: a Leader. */
  LOG_LEADER: 7,
  /** Which snapshots there are: Marks. */
  LOG_MARKS: 8,
  /** What is known of a network: a NetworkEntry. The frame's revision is the network's number. */
  NETWORK: 9,
  /** The number of the network that was created last. 8 bytes, big-endian. */
  NETWORK_COUNT: 10,
  /** What a server says of itself: a Member. */
  LOG_MEMBER: 11,
  /** Who stores a snapshot of a shared log: a Snapshotter. */
  LOG_SNAPSHOTTER: 12,
} as const;
/** One of the numbers of {@link FrameKind}. */
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** Where a frame belongs. */
export interface FramePlace {
  readonly revision: number;
  /** Which part of a snapshot, from 0. 0 for everything that has no parts. */
  readonly part: number;
}

const HEAD_BYTES = 6;
const VERSION_AT = 4;
const KIND_AT = 5;

/** Makes a frame, of the lowest format that has what its content says. */
export function seal(
  kind: FrameKind,
  place: FramePlace,
  content: Uint8Array,
  version: number = Format.FIRST,
): Uint8Array {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + content.length);
  frame[VERSION_AT] = version;
  frame[KIND_AT] = kind;
  frame.set(content, HEAD_BYTES);
  const sum = checksum(place, frame);
  frame[0] = sum >>> 24;
  frame[1] = sum >>> 16;
  frame[2] = sum >>> 8;
  frame[3] = sum;
  return frame;
}

/**
 * The content of a frame, without copying it.
 *
 * Throws a {@link JournalError}: `damaged` when it is not what was written there, `version` when a newer build wrote it.
 * `what` names it for people: "record 17". `known` is beyond this build's format where the caller looks at that itself.
 */
export function unseal(
  kind: FrameKind,
  place: FramePlace,
  bytes: Uint8Array,
  what: string,
  known: number = FORMAT_VERSION,
): Uint8Array {
  const { revision } = place;
  if (bytes.length < HEAD_BYTES || sumIn(bytes) !== checksum(place, bytes)) {
    throw new JournalError('damaged', `${what} is damaged: its checksum is wrong`, { revision });
  }
  const version = bytes[VERSION_AT];
  if (version > known) throw newerVersion(what, version, { revision });
  if (bytes[KIND_AT] !== kind) {
    throw new JournalError('damaged', `${what} is damaged: something else stands in its place`, { revision });
  }
  return bytes.subarray(HEAD_BYTES);
}

/** A number on its own as a frame, which is all that marks and the headers of format 1 are. */
export function sealNumber(kind: FrameKind, place: FramePlace, value: number): Uint8Array {
  const content = Buffer.alloc(8);
  content.writeBigUInt64BE(BigInt(value));
  return seal(kind, place, content);
}

/** The number in such a frame. Throws as {@link unseal} does. */
export function unsealNumber(kind: FrameKind, place: FramePlace, bytes: Uint8Array, what: string): number {
  const content = unseal(kind, place, bytes, what);
  return Number(Buffer.from(content.buffer, content.byteOffset, content.length).readBigUInt64BE());
}

/** The format of a frame that was found to be whole. */
export function formatOf(frame: Uint8Array): number {
  return frame[VERSION_AT];
}

/** What is known of a newer format. */
export interface NewerVersion {
  readonly revision?: number | undefined;
  /** The release that wrote it. */
  readonly release?: string | undefined;
  /** The newest version of this kind that this build knows. */
  readonly known?: number;
}

/** The refusal of a format that a newer build wrote. */
export function newerVersion(
  what: string,
  version: number,
  { revision, release, known = FORMAT_VERSION }: NewerVersion = {},
): JournalError {
  const by = release ? `, written by release ${release}` : '';
  return refusal(`${what} has format version ${version}${by}; this build knows version ${known}`, release, revision);
}

/** The refusal of something that a format does not show: a command, a field or a number that this build does not know. */
export function unknownPart(what: string, part: string, revision?: number): JournalError {
  return refusal(`${what} holds ${part}, which this build does not know`, undefined, revision);
}

function refusal(found: string, release: string | undefined, revision: number | undefined): JournalError {
  const start = release ? `Start release ${release} or a later one` : 'Start the newer version again';
  const message = `${found}. Nothing was changed. ${start}, or restore a backup from before the upgrade.`;
  return new JournalError('version', message, revision === undefined ? {} : { revision });
}

function sumIn(frame: Uint8Array): number {
  return ((frame[0] << 24) | (frame[1] << 16) | (frame[2] << 8) | frame[3]) >>> 0;
}

/** One of each for all: every record that is written or read has its place summed up, and nothing of it is kept. */
const PLACE = new Uint8Array(12);
const PLACE_NUMBERS = new DataView(PLACE.buffer);

function checksum({ revision, part }: FramePlace, frame: Uint8Array): number {
  PLACE_NUMBERS.setUint32(0, Math.floor(revision / 2 ** 32));
  PLACE_NUMBERS.setUint32(4, revision >>> 0);
  PLACE_NUMBERS.setUint32(8, part);
  const summed = new Uint8Array(frame.buffer, frame.byteOffset + VERSION_AT, frame.length - VERSION_AT);
  return crc32(summed, crc32(PLACE));
}
