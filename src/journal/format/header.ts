import { Header } from '../../../gen/switchyard/journal/v1/folder.js';
import type { Limits } from '../../core/model/limits.js';
import { JournalError } from '../journal.js';
import { packLimits, unpackLimits } from './core-limits.js';
import { FORMAT_VERSION, Format, FrameKind, formatOf, newerVersion, seal, unseal } from './frame.js';

/*
 * The content of a header's frame:
 *
 *    0                               8
 *   +-------------------------------+------------------------------------------+
 *   |  records forgotten up to here |  switchyard.journal.v1.Header (proto)    |
 *   +-------------------------------+------------------------------------------+
 *
 * Format 1 ends after the number. The number, and the release in the message, stay where they are in every format to come.
 */
const NUMBER_BYTES = 8;

/** The header belongs nowhere in the sequence of revisions. */
export const HEADER_PLACE = { revision: 0, part: 0 };

/** What a data folder says of itself. */
export interface FolderHeader {
  readonly format: number;
  /** Up to which revision records were forgotten. */
  readonly compacted: number;
  /** The limits that its first command was decided by, where they are not those that every journal begins with. */
  readonly initialLimits: Limits | undefined;
  /** The release that gave the folder its format; empty in format 1. */
  readonly release: string;
}

/** A header as it is stored. */
export function encodeHeader({ format, compacted, initialLimits, release }: FolderHeader): Uint8Array {
  const number = Buffer.alloc(NUMBER_BYTES);
  number.writeBigUInt64BE(BigInt(compacted));
  if (format === Format.FIRST) return seal(FrameKind.HEADER, HEADER_PLACE, number, format);
  const message = Header.encode({ initialLimits: initialLimits && packLimits(initialLimits), release }).finish();
  return seal(FrameKind.HEADER, HEADER_PLACE, Buffer.concat([number, message]), format);
}

/** What a stored header says. Throws a {@link JournalError}: `damaged`, or `version` with the release that wrote it. */
export function decodeHeader(frame: Uint8Array, what: string): FolderHeader {
  const content = unseal(FrameKind.HEADER, HEADER_PLACE, frame, what, Number.POSITIVE_INFINITY);
  const format = formatOf(frame);
  const message = headerMessage(content);
  if (format > FORMAT_VERSION) throw newerVersion(what, format, { release: message?.release });
  if (message === undefined)
    throw new JournalError('damaged', `${what} is damaged: it does not say what a header says`);
  const { initialLimits, release } = message;
  return {
    format,
    compacted: Number(Buffer.from(content.buffer, content.byteOffset, content.length).readBigUInt64BE()),
    initialLimits: initialLimits && unpackLimits(initialLimits),
    release,
  };
}

function headerMessage(content: Uint8Array): Header | undefined {
  if (content.length < NUMBER_BYTES) return undefined;
  try {
    return Header.decode(content.subarray(NUMBER_BYTES));
  } catch {
    return undefined;
  }
}
