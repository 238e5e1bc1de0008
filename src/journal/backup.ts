import { hash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkPrivateFolder, syncFolder } from '../base/private-files.js';
import { INITIAL_LIMITS, type Limits } from '../core/model/limits.js';
import { encodeRecord } from './format/record.js';
import { checkFolder, type FolderReport } from './inspect.js';
import { type Journal, JournalError } from './journal.js';
import { replayWhole } from './replaying.js';
import { isShort } from './storage/datafile.js';
import { journalError } from './storage/failure.js';
import { Folder } from './storage/folder.js';
import { LmdbJournal } from './storage/lmdb.js';
import { FolderLock } from './storage/lock.js';

/** Bytes of an epoch. */
const EPOCH_BYTES = 8;

/** What a backup holds. */
export type BackupReport = FolderReport & { readonly state: NonNullable<FolderReport['state']> };

/**
 * Copies the journal of a data folder into a new folder, while a server may be writing to it: what one read transaction of LMDB sees,
 * records and snapshots alike, without free pages. `andThen` puts what else belongs to it beside it. Then the copy is read and replayed
 * as {@link checkFolder} does it, and only a whole one gets the name that was asked for.
 *
 * Throws a {@link JournalError}; then there is no backup.
 */
export async function backUpFolder(
  path: string,
  to: string,
  andThen: (folder: string) => Promise<void> = async () => {},
  ofFormat1 = INITIAL_LIMITS,
): Promise<BackupReport> {
  if (!Folder.exists(path)) throw new JournalError('failed', `there is no journal in ${path}`);
  // "copy/" and "copy/." are the folder "copy": the unfinished one stands beside it, not in it; and a file "copy" is in its way.
  const target = resolve(to);
  if (existsSync(target)) throw new JournalError('failed', `${to} is there already: a backup goes into a new folder`);
  const unfinished = `${target}.${randomBytes(4).toString('hex')}.unfinished`;
  try {
    mkdirSync(unfinished, { mode: 0o700 });
    try {
      await copyData(path, unfinished);
      await andThen(unfinished);
      return { ...(await nameCopy(unfinished, target, ofFormat1)), path: to };
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  } catch (thrown) {
    throw journalError(thrown, `cannot make a backup in ${to}`);
  }
}

/** Checks a copy, and gives it its name when it is whole. */
async function nameCopy(unfinished: string, target: string, ofFormat1: Limits): Promise<BackupReport> {
  const report = await checkCopy(unfinished, ofFormat1);
  // What a check leaves beside the data belongs to nobody.
  for (const file of ['lock', 'lock.mdb']) rmSync(join(unfinished, file), { force: true });
  syncFolder(unfinished);
  renameSync(unfinished, target);
  syncFolder(dirname(target));
  return report;
}

async function copyData(path: string, to: string): Promise<void> {
  checkPrivateFolder(path);
  const folder = await openBeside(path);
  try {
    const copy = Folder.fileOf(to);
    await folder.copyTo(to);
    chmodSync(copy, 0o600);
    const descriptor = openSync(copy, constants.O_RDONLY);
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } finally {
    await folder.close();
  }
}

/**
 * Opens a folder, whether a server has it or not. A file that ends before its last page is filled up first when nobody has it: a read
 * past its end would kill the process.
 */
async function openBeside(path: string): Promise<Folder> {
  if (!isShort(path)) return Folder.openBesideWriter(path);
  let lock: FolderLock;
  try {
    lock = FolderLock.take(path);
  } catch (error) {
    if (error instanceof JournalError && error.kind === 'locked') return Folder.openBesideWriter(path);
    throw error;
  }
  try {
    return await Folder.open(path, true);
  } finally {
    lock.release();
  }
}

async function checkCopy(path: string, ofFormat1: Limits): Promise<BackupReport> {
  const report = await checkFolder(path, ofFormat1);
  const { state, problems } = report;
  if (state !== undefined) return { ...report, state };
  const [first] = problems;
  throw new JournalError(
    first.kind,
    `${first.message}. The journal itself has this damage: see switchyard journal check`,
  );
}

/**
 * Gives the history in a data folder another name, the epoch, and that of each further network one made of it, and resolves to the revision from which it holds. Every watcher that stood
 * in the history as it was, or in another that came of the same beginning, is told RESET and gets a snapshot. For a folder that was
 * restored from a backup: what was told after the backup was taken is not in it, and its revisions are given to other commands.
 *
 * Everything is read and replayed first. Throws a {@link JournalError}; then nothing was changed.
 */
export async function renewEpoch(path: string, epoch: string, ofFormat1 = INITIAL_LIMITS): Promise<number> {
  if (!Folder.exists(path)) throw new JournalError('failed', `there is no journal in ${path}`);
  const journal = await LmdbJournal.open(path);
  try {
    // All are read before anything is written.
    const { revision } = await replayWhole(journal, ofFormat1);
    if (revision === 0) throw new JournalError('failed', `the journal in ${path} is empty: it has no epoch`);
    const others: { readonly journal: Journal; readonly revision: number; readonly epoch: string }[] = [];
    for (const { number } of journal.networks?.list() ?? []) {
      const other = await journal.networks!.open(number);
      const at = (await replayWhole(other, ofFormat1)).revision;
      // One that was created and never started gets its epoch when it is founded.
      if (at > 0) others.push({ journal: other, revision: at, epoch: epochOf(number, epoch) });
    }
    journal.moveOn(ofFormat1);
    for (const one of [{ journal, revision, epoch }, ...others]) {
      await one.journal.append([encodeRecord(one.revision + 1, { kind: 'RenewEpoch', epoch: one.epoch })]);
    }
    return revision + 1;
  } finally {
    await journal.close();
  }
}

/** The new epoch of another network: as random as that of the default one, and another. */
function epochOf(number: number, epoch: string): string {
  return hash('sha256', `${number} ${epoch}`, 'buffer').subarray(0, EPOCH_BYTES).toString('base64url');
}
