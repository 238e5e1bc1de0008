import { closeSync, constants, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openPrivateFile, syncFolder } from '../../base/private-files.js';
import { JournalError } from '../journal.js';

/** There from before the data file is made until it has its header. Without it, an empty data file is one that lost its content. */
const NOTE_FILE = 'founding';

/** What is in a folder only after a journal was opened there: LMDB's table of readers, and the server's audit log. */
const LEFT_BY_JOURNALS = ['lock.mdb', 'audit'];

const ADVICE =
  'Restore a backup, or, where the server ran with --journal, start it so. A new network begins in a new folder: copy admin-token there to keep the token';

/**
 * Called before the data file of a folder is made, by the holder of its lock. Nothing where there is one. Throws a {@link JournalError}
 * where there was one before: a server would begin another history beside the tokens of the one that is gone.
 */
export function noteFounding(folder: string): void {
  if (existsSync(join(folder, 'data.mdb')) || isFounding(folder)) return;
  const left = LEFT_BY_JOURNALS.find((name) => existsSync(join(folder, name)));
  if (left !== undefined) {
    const gone = `${join(folder, 'data.mdb')} is missing: a server has run in this folder, as ${left} in it shows`;
    throw new JournalError('damaged', `${gone}, and its journal is gone. Nothing was changed. ${ADVICE}`);
  }
  closeSync(openPrivateFile(join(folder, NOTE_FILE), constants.O_WRONLY | constants.O_CREAT));
  // Before the data file has its name: after a failure of power that one is never there alone.
  syncFolder(folder);
}

/** Throws a {@link JournalError} when the data file of a folder, which is empty, is not one that is being made. */
export function checkFounding(folder: string): void {
  if (isFounding(folder)) return;
  const empty = `${join(folder, 'data.mdb')} is empty (0 bytes): what the journal held is gone`;
  throw new JournalError('damaged', `${empty}. Nothing was changed. ${ADVICE}`);
}

/** Called when the data file has its header, which is durable. */
export function endFounding(folder: string): void {
  rmSync(join(folder, NOTE_FILE), { force: true });
}

function isFounding(folder: string): boolean {
  return existsSync(join(folder, NOTE_FILE));
}
