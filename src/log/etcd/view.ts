import { JournalError } from '../../journal/journal.js';
import type { Replayable } from '../../journal/replaying.js';
import { gapless } from '../../journal/sequence.js';
import type { LogView } from '../shared-log.js';
import { decodeHead, decodeMarks, EMPTY_LOG } from './batch.js';
import { BatchReader } from './batch-reader.js';
import { journalErrorOf } from './fence.js';
import type { PartsPlace } from './snapshot-parts.js';
import { readParts } from './snapshot-parts.js';

/** What stands in a log now, for somebody who does not lead. Rejects with a JournalError. */
export async function viewLog(place: PartsPlace): Promise<LogView> {
  const { store, keys } = place;
  const success = [keys.head, keys.marks].map((key) => ({ kind: 'read', range: { key } }) as const);
  const { found } = await store.commit({ compare: [], success }).catch((error: unknown) => {
    throw journalErrorOf(error);
  });
  const [[head] = [], [stored] = []] = found;
  const end = head === undefined ? EMPTY_LOG : decodeHead(head.value);
  const { marks, compacted, firstSeq } = decodeMarks(stored?.value);
  const reader = new BatchReader(store, keys);
  const markOf = (revision: number) => marks.find((mark) => mark.revision === revision);
  const firstFor = async (revision: number) => {
    if (revision === compacted) return firstSeq;
    return markOf(revision)?.seq ?? (await reader.seqFor(revision, firstSeq, end.seq));
  };
  const journal: Replayable = {
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
  return { journal, seq: end.seq, revision: end.revision };
}
