import type { Limits } from '../core/model/limits.js';
import { formatOf, NEW_FOLDER_FORMAT } from './format/frame.js';
import { JournalError, type StoredRecord } from './journal.js';

/** Checks that an append goes on where the journal ends. Throws when it does not: then the caller is broken. */
export function checkFollows(last: number, records: readonly StoredRecord[]): void {
  let expected = last;
  for (const { revision } of records) {
    expected++;
    if (revision !== expected) throw new Error(`record ${revision} was appended where ${expected} has to follow`);
  }
}

/** The format of a journal with these records added: each of them is readable only for builds that know its own. */
export function formatWith(format: number, records: readonly StoredRecord[]): number {
  let highest = format;
  for (const { bytes } of records) highest = Math.max(highest, formatOf(bytes));
  return highest;
}

/** Checks that a journal of format 1 is being moved on. Throws when it is not: then the caller is broken. */
export function checkFormat(format: number, moving: Limits | undefined): void {
  if (format >= NEW_FOLDER_FORMAT || moving !== undefined) return;
  throw new Error(`an append to a journal of format ${format} that has not been moved on to ${NEW_FOLDER_FORMAT}`);
}

/** What a reader may ask for: nothing that was forgotten. Throws when it does: then the caller is broken. */
function checkHeld(compacted: number, afterRevision: number): void {
  if (afterRevision >= compacted) return;
  throw new Error(`records after ${afterRevision} were asked for; those up to ${compacted} are compacted away`);
}

/** Which records are read. */
export interface Stretch {
  /** Up to which revision there are none any more. */
  readonly compacted: number;
  /** The first that is read is the one after this. */
  readonly after: number;
  readonly last: number;
}

/** Checks that a snapshot can be stored at a revision. Throws when it cannot: then the caller is broken. */
export function checkNewSnapshot(compacted: number, last: number, stored: readonly number[], revision: number): void {
  if (stored.includes(revision)) throw new Error(`there is a snapshot at revision ${revision} already`);
  if (revision >= Math.max(compacted, 1) && revision <= last) return;
  throw new Error(`a snapshot at revision ${revision} of a journal that holds ${compacted + 1} to ${last}`);
}

/** Passes slices of records on, and throws a {@link JournalError} where a record is missing, after those before it. */
export async function* gapless(
  { compacted, after, last }: Stretch,
  slices: AsyncIterable<readonly StoredRecord[]>,
): AsyncGenerator<readonly StoredRecord[]> {
  checkHeld(compacted, after);
  let expected = after + 1;
  for await (const slice of slices) {
    const first = expected;
    const gap = slice.findIndex(({ revision }, at) => revision !== first + at);
    expected += gap === -1 ? slice.length : gap;
    yield gap === -1 ? slice : slice.slice(0, gap);
    if (gap !== -1) throw missing(expected);
  }
  if (expected <= last) throw missing(expected);
}

function missing(revision: number): JournalError {
  return new JournalError('damaged', `record ${revision} is missing`, { revision });
}
