import { apply } from '../core/decide/apply.js';
import type { Change } from '../core/model/change.js';
import { isFault } from '../core/model/fault.js';
import { INITIAL_LIMITS, type Limits } from '../core/model/limits.js';
import type { Position } from '../core/model/position.js';
import type { HashKey } from '../core/store/packed/halfsiphash.js';
import { State } from '../core/store/state.js';
import { decodeRecord } from '../journal/format/record.js';
import { JournalError } from '../journal/journal.js';
import { initialLimits, type Replayable, restoreSnapshot } from '../journal/replaying.js';

/** Called with every replayed command, in order, so that the history of the feeds comes back with the state. */
export type Replayed = (position: Position, changes: readonly Change[]) => void;

/** A state that is being recovered: restored, and not yet replayed. */
export interface Recovery {
  readonly state: State;
  /** Why an older snapshot was skipped. It goes to the log: an operator should check the disk. */
  readonly passedOver: JournalError | undefined;
  /** Replays the commands after the snapshot. Resolves with how many. */
  replay(told: Replayed): Promise<number>;
  /** Once it was replayed: when the last command of the newest snapshot was stored, by the wall clock; undefined without one. */
  readonly snapshotAtMs: number | undefined;
}

/**
 * Brings the state back from the journal, in numbered steps:
 *
 * 1. The *oldest* stored snapshot is restored. Two are kept, so that the commands since the older one, replayed, bring
 *    back the feeds' history too, and watchers resume over a restart.
 * 2. When that one is damaged, the next is restored: it holds the same commands' outcome, so no state is lost. Only the
 *    history between the two is, and watchers that stood in it begin anew.
 * 3. The commands after it are replayed through the same code that applied them first.
 * 4. Anything else that is damaged ends the start with a JournalError that names the revision. Nothing after it is used.
 *
 * The state depends on the journal alone: the limits by which commands are decided are in it. Only a journal of format 1
 * does not say under which it begins.
 */
export async function recover(
  journal: Replayable,
  limitsOfFormat1: Limits = INITIAL_LIMITS,
  key?: HashKey,
): Promise<Recovery> {
  const { state, passedOver } = await base(journal, initialLimits(journal, limitsOfFormat1), key);
  const newest = journal.snapshots().at(-1);
  let snapshotAtMs = newest === state.revision ? state.atMs : undefined;
  const replay = async (told: Replayed): Promise<number> => {
    let count = 0;
    for await (const records of journal.read(state.revision)) {
      for (const record of records) {
        const applied = apply(state, decodeRecord(record));
        told(state.position, isFault(applied) ? [] : applied.changes);
        if (state.revision === newest) snapshotAtMs = state.atMs;
        count++;
      }
    }
    return count;
  };
  return {
    state,
    passedOver,
    replay,
    get snapshotAtMs() {
      return snapshotAtMs;
    },
  };
}

/** The state to replay from: of the oldest snapshot that is whole, or empty where no snapshot was ever stored. */
async function base(
  journal: Replayable,
  limits: Limits,
  key: HashKey | undefined,
): Promise<Pick<Recovery, 'state' | 'passedOver'>> {
  let passedOver: JournalError | undefined;
  for (const revision of journal.snapshots()) {
    try {
      return { state: await restoreSnapshot(journal.openSnapshot(revision), limits, key), passedOver };
    } catch (error) {
      if (!(error instanceof JournalError) || error.kind !== 'damaged') throw error;
      passedOver = error;
    }
  }
  if (passedOver !== undefined) throw passedOver;
  return { state: new State(limits, key), passedOver };
}
