import { INITIAL_LIMITS } from '../core/model/limits.js';
import { checkFolder } from './inspect.js';
import { JournalError } from './journal.js';
import { LmdbJournal } from './storage/lmdb.js';

/**
 * Makes a damaged journal whole again where nothing is lost by it: everything before the newest snapshot is forgotten
 * when that snapshot, and all after it, is whole. Only watchers notice: they cannot resume from before it.
 *
 * Resolves to the snapshot's revision, or undefined when there was nothing to repair. Throws a {@link JournalError} when
 * it cannot be done; then nothing was changed.
 */
export async function repairFolder(path: string, ofFormat1 = INITIAL_LIMITS): Promise<number | undefined> {
  const { problemCount, repairableAt, advice } = await checkFolder(path, ofFormat1);
  if (problemCount === 0) return undefined;
  if (repairableAt === undefined) throw new JournalError('damaged', `${path} cannot be repaired. ${advice}`);
  const journal = await LmdbJournal.open(path);
  try {
    await journal.compact(repairableAt);
  } finally {
    await journal.close();
  }
  return repairableAt;
}
