import { JournalError } from '../../journal/journal.js';
import type { Replayable } from '../../journal/replaying.js';
import { gapless } from '../../journal/sequence.js';
import type { LogView } from '../shared-log.js';
import { decodeHead, decodeMarks, EMPTY_LOG, type LogEnd, type LogMarks } from './batch.js';
import { BatchReader } from './batch-reader.js';
import { journalErrorOf } from './fence.js';
import type { LogKeys } from './keys.js';
import type { PartsPlace } from './snapshot-parts.js';
import { readParts } from './snapshot-parts.js';
import type { EtcdStore } from './store.js';

/** What stands in a log now, for somebody who does not lead. Rejects with a JournalError. */
export async function viewLog(place: PartsPlace): Promise<LogView> {
  const { store, keys } = place;
  const success = [keys.head, keys.marks].map((key) => ({ kind: 'read', range: { key } }) as const);
  const { found } = await store.commit({ compare: [], success }).catch((error: unknown) => {
    throw journalErrorOf(error);
  });
  const [[head] = [], [stored] = []] = found;
  if (head === undefined) await checkEmpty(store, keys);
  const end = head === undefined ? EMPTY_LOG : decodeHead(head.value);
  const { seq, revision, chain } = end;
  return { journal: journalUpTo(place, end, decodeMarks(stored?.value)), seq, revision, chain };
}

/**
 * Refuses a network without a head that has something of a log: one into which a journal is being copied, or was not copied to its end,
 * and one whose head somebody has deleted. To begin it anew would write over what is left. Rejects with a JournalError.
 */
export async function checkEmpty(store: EtcdStore, keys: LogKeys): Promise<void> {
  const ranges = [{ key: keys.copying }, { ...keys.batches, limit: 1 }, { key: keys.marks }];
  const success = ranges.map((range) => ({ kind: 'read', range }) as const);
  const { found } = await store.commit({ compare: [], success }).catch((error: unknown) => {
    throw journalErrorOf(error);
  });
  const [copying = [], ...left] = found;
  if (copying.length > 0) {
    throw new JournalError(
      'failed',
      'a journal is being copied into this network, or that was cut short: let switchyard journal copy end, or run it again',
    );
  }
  const [key] = left.flatMap((values) => values.map((value) => value.key));
  if (key !== undefined)
    throw new JournalError('damaged', `${keys.head} is missing, and ${key} is there: a key was deleted`);
}

/** The journal in a log that ends there and has these snapshots. */
export function journalUpTo(place: PartsPlace, end: LogEnd, { marks, compacted, firstSeq }: LogMarks): Replayable {
  const reader = new BatchReader(place.store, place.keys);
  const markOf = (revision: number) => marks.find((mark) => mark.revision === revision);
  const firstFor = async (revision: number) => {
    if (revision === compacted) return firstSeq;
    return markOf(revision)?.seq ?? (await reader.seqFor(revision, firstSeq, end.seq));
  };
  return {
    compacted,
    format: end.format,
    initialLimits: undefined,
    snapshots: () => marks.map(({ revision }) => revision),
    openSnapshot: (revision) => {
      const mark = markOf(revision);
      if (mark === undefined) throw new JournalError('damaged', `there is no snapshot at revision ${revision}`);
      return { revision, chunks: () => readParts(place, mark) };
    },
    read: (after) => {
      const records = async function* () {
        if (after >= compacted) yield* reader.records(await firstFor(after), after, end);
      };
      return gapless({ compacted, after, last: end.revision }, records());
    },
  };
}
