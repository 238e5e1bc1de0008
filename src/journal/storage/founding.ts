import { closeSync, constants, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openPrivateFile, syncFolder } from '../../base/private-files.js';
import { JournalError } from '../journal.js';

/** There from before the data file is made until it has its header. Without it, an empty data file is one that lost its content. */
const NOTE_FILE = 'founding';

/** What shows that a server has run in a folder: LMDB's table of readers, and the audit log, which a server with `--journal` keeps, too. */
const LEFT_BY_SERVERS = ['lock.mdb', 'audit'];

/** What a server with `--journal` keeps in its folder, by network. */
const LOG_MEMORY = /^log-.+\.json$/;

const ADVICE =
  'Restore a backup, or, where the server ran with --journal, start it so. A new network begins in a new folder: copy admin-token there to keep the token';

/**
 * Called before the data file of a folder is made, by the holder of its lock. Nothing where there is one. Throws a {@link JournalError}
 * where a server has run before: another one would begin another history beside the tokens of the one that is not there.
 */
export function noteFounding(folder: string): void {
  if (existsSync(join(folder, 'data.mdb')) || isFounding(folder)) return;
  const left = LEFT_BY_SERVERS.find((name) => existsSync(join(folder, name)));
  if (left !== undefined) throw missing(folder, left);
  closeSync(openPrivateFile(join(folder, NOTE_FILE), constants.O_WRONLY | constants.O_CREAT));
  // Before the data file has its name: after a failure of power that one is never there alone.
  syncFolder(folder);
}

function missing(folder: string, left: string): JournalError {
  const gone = `${join(folder, 'data.mdb')} is missing`;
  const memory = left === 'audit' ? readdirSync(folder).find((name) => LOG_MEMORY.test(name)) : undefined;
  if (memory !== undefined) {
    const whose = `this folder belonged to a server with --journal, as ${memory} in it shows`;
    const advice = 'Start it with --journal, or begin a network of this server alone in a new folder (--data)';
    return new JournalError('damaged', `${gone}: ${whose}. Nothing was changed. ${advice}`);
  }
  const has = `a server has run in this folder, as ${left} in it shows, and its journal is not there`;
  return new JournalError('damaged', `${gone}: ${has}. Nothing was changed. ${ADVICE}`);
}

/** Throws a {@link JournalError} when the data file of a folder, which is empty, is not one that is being made. */
export function checkFounding(folder: string): void {
  if (isFounding(folder)) return;
  const empty = `${join(folder, 'data.mdb')} is empty (0 bytes): what the journal held is gone`;
  throw new JournalError('damaged', `${empty}. Nothing was changed. ${ADVICE}`);
}

/**
 * Called when the data file has its header, which is durable. The removal is durable, too: with a note that came back, a data file that
 * lost its content would be taken for a new one. `sync` is another only in tests.
 */
export function endFounding(folder: string, sync = syncFolder): void {
  if (!isFounding(folder)) return;
  rmSync(join(folder, NOTE_FILE), { force: true });
  sync(folder);
}

/** Whether the first start in a folder has not ended, so that its data file may be empty or unfinished. */
export function isFounding(folder: string): boolean {
  return existsSync(join(folder, NOTE_FILE));
}

/** What to do about a data file that is damaged, in a folder whose first start did not end. */
export function foundingAdvice(folder: string): string {
  const note = `the first start in this folder was cut off, as ${join(folder, NOTE_FILE)} shows, before it served anybody`;
  return `${note}. Nothing was changed. Empty the folder, all but an admin-token that you put there, and start again`;
}
