import { apply } from '../core/decide/apply.js';
import { INITIAL_LIMITS, type Limits } from '../core/model/limits.js';
import type { HashKey } from '../core/store/packed/halfsiphash.js';
import { Restoring } from '../core/store/snapshot.js';
import { State } from '../core/store/state.js';
import { decodeChunks } from './format/chunk.js';
import { stateDigest } from './format/digest.js';
import { NEW_FOLDER_FORMAT } from './format/frame.js';
import { decodeRecord } from './format/record.js';
import { type Journal, JournalError, type StoredSnapshot } from './journal.js';

/** A journal, as far as it is replayed. */
export type Replayable = Pick<
  Journal,
  'compacted' | 'format' | 'initialLimits' | 'snapshots' | 'openSnapshot' | 'read'
>;

/** The limits that the first command of a journal was decided by. `ofFormat1`: those of one that cannot say so. */
export function initialLimits({ format, initialLimits }: Replayable, ofFormat1: Limits): Limits {
  return format < NEW_FOLDER_FORMAT ? ofFormat1 : (initialLimits ?? INITIAL_LIMITS);
}

/** The state in a snapshot. `limits` are those of a snapshot of format 1, which has none. Throws a {@link JournalError}. */
export async function restoreSnapshot(snapshot: StoredSnapshot, limits: Limits, key?: HashKey): Promise<State> {
  const restoring = new Restoring(limits, key);
  for await (const rows of decodeChunks(snapshot)) for (const row of rows) restoring.add(row);
  return restoring.state;
}

/**
 * The state that all commands which are held come to, each snapshot on the way compared with it.
 *
 * Throws a {@link JournalError}: `differs` where a snapshot is another state than the commands come to, and as decoding
 * does. A damaged snapshot is passed over as a start does it.
 */
export async function replayWhole(journal: Replayable, ofFormat1: Limits): Promise<State> {
  const limits = initialLimits(journal, ofFormat1);
  const state = await earliest(journal, limits);
  const ahead = new Set(journal.snapshots().filter((revision) => revision > state.revision));
  for await (const records of journal.read(state.revision)) {
    for (const record of records) {
      apply(state, decodeRecord(record));
      if (ahead.has(state.revision)) await compare(journal, state, limits);
    }
  }
  return state;
}

/** The earliest state from which everything can be replayed. */
async function earliest(journal: Replayable, limits: Limits): Promise<State> {
  if (journal.compacted === 0) return new State(limits);
  for (const revision of journal.snapshots()) {
    const state = await undamaged(journal, revision, limits);
    if (state !== undefined) return state;
  }
  throw new JournalError('damaged', 'no snapshot is whole', { revision: journal.compacted });
}

async function undamaged(journal: Replayable, revision: number, limits: Limits): Promise<State | undefined> {
  try {
    return await restoreSnapshot(journal.openSnapshot(revision), limits);
  } catch (error) {
    if (error instanceof JournalError && error.kind === 'damaged') return undefined;
    throw error;
  }
}

async function compare(journal: Replayable, state: State, limits: Limits): Promise<void> {
  const { revision } = state;
  const stored = await undamaged(journal, revision, limits);
  if (stored === undefined) return;
  const [inSnapshot, replayed] = [stateDigest(stored), stateDigest(state)];
  if (inSnapshot === replayed) return;
  const found =
    `the snapshot at revision ${revision} and a replay of the commands up to it are two different states: ` +
    `${inSnapshot} in the snapshot, ${replayed} replayed`;
  throw new JournalError('differs', `${found}. ${ADVICE[journal.format < NEW_FOLDER_FORMAT ? 'old' : 'now']}`, {
    revision,
  });
}

const ADVICE = {
  old:
    'The journal is of format 1, which does not say by which limits its commands were decided. Nothing was changed. ' +
    'Name the limits that the server ran with, as in --limits-of-format-1 sessions-max=50,streams-per-session-max=256. ' +
    'If they were not the same all the time, copy the folder and run switchyard journal repair: what lies before the ' +
    'newest snapshot is forgotten.',
  now:
    'This build does not replay its commands as they were first applied. Nothing was changed. Start the release that ' +
    'ran before, and report this with a copy of the folder.',
};
