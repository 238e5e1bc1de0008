import { Folder } from '../../src/journal/folder.js';
import { checkFolder } from '../../src/journal/inspect.js';
import { FolderLock } from '../../src/journal/lock.js';
import type { Truth } from '../simulation/truth.js';
import type { Found } from '../simulation/verdict.js';

/**
 * Reads what a server that is down has left in its journal, from where the truth ends: everything that became durable, as
 * it was found, by a core that has never crashed.
 *
 * Compaction is at least 100,000 commands behind, so between two readings nothing is forgotten that was not read.
 */
export async function readLedger(path: string, truth: Truth): Promise<Found | undefined> {
  const lock = FolderLock.take(path);
  try {
    const folder = await Folder.open(path, true);
    try {
      for await (const record of folder.recordsAfter(truth.last, folder.lastRecord())) {
        if (record.revision !== truth.last + 1) {
          return { check: 'Durable', text: `record ${truth.last + 1} is not there, and ${record.revision} is` };
        }
        truth.take([record]);
      }
      return undefined;
    } finally {
      await folder.close();
    }
  } finally {
    lock.release();
  }
}

/** Whether everything in the folder is as it was written. */
export async function checkLedger(path: string): Promise<Found | undefined> {
  const { problems } = await checkFolder(path);
  return problems.length === 0 ? undefined : { check: 'Sound', text: `the journal: ${problems[0].message}` };
}
