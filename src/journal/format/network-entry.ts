import { NetworkEntry } from '../../../gen/switchyard/journal/v1/folder.js';
import { JournalError, type NewNetwork } from '../journal.js';
import { FrameKind, seal, unseal } from './frame.js';

/** What a folder says of a network. */
export interface FolderNetwork extends NewNetwork {
  /** It does not count any more, and its data is to be removed. */
  readonly dropped: boolean;
}

/** A network's entry as it is stored under its number. */
export function encodeNetwork(number: number, { name, sessionsMax, createdAtMs, dropped }: FolderNetwork): Uint8Array {
  const entry = { name, sessionsMax, createdAtMs: BigInt(createdAtMs), dropped };
  return seal(FrameKind.NETWORK, placeOf(number), NetworkEntry.encode(entry).finish());
}

/** What a stored entry says. Throws a {@link JournalError}: `damaged` or `version`. */
export function decodeNetwork(number: number, frame: Uint8Array): FolderNetwork {
  const what = `the entry of network ${number}`;
  const content = unseal(FrameKind.NETWORK, placeOf(number), frame, what);
  try {
    const { name, sessionsMax, createdAtMs, dropped } = NetworkEntry.decode(content);
    return { name, sessionsMax, createdAtMs: Number(createdAtMs), dropped };
  } catch (cause) {
    throw new JournalError('damaged', `${what} is damaged: it does not say what an entry says`, { cause });
  }
}

/** Entries belong to their number, so that one that stands under another's is as damaged as one with a flipped bit. */
function placeOf(number: number) {
  return { revision: number, part: 0 };
}
