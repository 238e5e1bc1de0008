import type { Row } from '../../../src/core/store/snapshot.js';
import { decodeChunks, encodeChunks } from '../../../src/journal/format/chunk.js';
import { journalWith } from './journal-with.js';
import type { Mutation } from './mutation.js';

/** The parts of a snapshot, without its limits. */
async function* withoutLimits(revision: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const rows: Row[] = [];
  for await (const part of decodeChunks({ revision, chunks: () => chunks })) rows.push(...part);
  yield* encodeChunks(
    revision,
    rows.filter(({ kind }) => kind !== 'limits'),
  );
}

/** Faults by which the state would not depend on the journal alone. */
export const LIMITS_MUTATIONS: readonly Mutation[] = [
  {
    name: 'decide a replay by the flags of today',
    seed: 3,
    minutes: 3,
    finds: 'Replayed',
    parts: ({ state, core }) => {
      Object.defineProperty(state, 'limits', { get: () => core, set: () => {} });
    },
  },
  {
    name: 'leave the limits out of its snapshots',
    seed: 8,
    minutes: 10,
    finds: 'Replayed',
    journal: (journal) =>
      journalWith(journal, {
        openSnapshot: (revision) => {
          const { chunks } = journal.openSnapshot(revision);
          return { revision, chunks: () => withoutLimits(revision, chunks()) };
        },
      }),
  },
];
