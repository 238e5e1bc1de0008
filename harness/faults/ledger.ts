import { setTimeout as sleep } from 'node:timers/promises';
import { checkFolder } from '../../src/journal/inspect.js';
import { JournalError } from '../../src/journal/journal.js';
import { Folder } from '../../src/journal/storage/folder.js';
import { FolderLock } from '../../src/journal/storage/lock.js';
import type { Truth } from '../simulation/truth.js';
import type { Found } from '../simulation/verdict.js';

const LOCK_RETRY_MS = 50;
const LOCK_TRIES = 200;

/**
 * Reads what a server that is down has left in its journal, from where the truth ends: everything that became durable, as
 * it was found, by a core that has never crashed.
 *
 * Compaction is at least 100,000 commands behind, so between two readings nothing is forgotten that was not read.
 */
export async function readLedger(path: string, truth: Truth): Promise<Found | undefined> {
  const lock = await takeLock(path);
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

/**
 * A process that is killed while it takes its lock leaves flock(1) behind, which has the lock for as long as it takes to
 * end.
 */
async function takeLock(path: string): Promise<FolderLock> {
  for (let tries = 0; ; tries++) {
    try {
      return FolderLock.take(path);
    } catch (error) {
      if (!(error instanceof JournalError) || error.kind !== 'locked' || tries === LOCK_TRIES) throw error;
      await sleep(LOCK_RETRY_MS);
    }
  }
}
