import { apply } from '../core/apply.js';
import type { Change } from '../core/change.js';
import { isFault } from '../core/fault.js';
import type { Limits } from '../core/limits.js';
import type { Position } from '../core/position.js';
import { Restoring } from '../core/snapshot.js';
import { State } from '../core/state.js';
import { decodeChunks } from '../journal/chunk.js';
import type { Journal } from '../journal/journal.js';
import { decodeRecord } from '../journal/record.js';

/** Told of every command that is replayed, in order, so that the history of the feeds comes back with the state. */
export type Replayed = (position: Position, changes: readonly Change[]) => void;

/** A state that is being recovered: restored, and not yet replayed. */
export interface Recovery {
  readonly state: State;
  /** Replays the commands after the snapshot. Resolves with how many. */
  replay(told: Replayed): Promise<number>;
}

/**
 * Brings the state back from the journal, in numbered steps:
 *
 * 1. The *oldest* stored snapshot is restored. Two are kept, so that the commands since the older one, replayed, bring
 *    back the feeds' history too, and watchers resume over a restart.
 * 2. The commands after it are replayed through the very code that applied them first.
 * 3. Anything that is damaged ends the start with a JournalError that names the revision. Nothing after it is used.
 */
export async function recover(journal: Journal, limits: Limits): Promise<Recovery> {
  const [base] = journal.snapshots();
  const state = base === undefined ? new State(limits) : await restore(journal, base, limits);
  const replay = async (told: Replayed): Promise<number> => {
    let count = 0;
    for await (const record of journal.read(state.revision)) {
      const applied = apply(state, decodeRecord(record));
      told(state.position, isFault(applied) ? [] : applied.changes);
      count++;
    }
    return count;
  };
  return { state, replay };
}

async function restore(journal: Journal, revision: number, limits: Limits): Promise<State> {
  const restoring = new Restoring(limits);
  for await (const row of decodeChunks(journal.openSnapshot(revision))) restoring.add(row);
  return restoring.state;
}
