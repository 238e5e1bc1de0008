import { spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../base/errors.js';
import { checkPrivateFolder, openPrivateFile } from '../../base/private-files.js';
import { JournalError } from '../journal.js';
import { journalError } from './failure.js';
import { noteFounding } from './founding.js';

/** BSD's and macOS's open(2): the lock comes with the file descriptor. Not among Node's constants. */
const O_EXLOCK = 0x20;

const LOCK_FILE = 'lock';
const DATA_FILE = 'data.mdb';

/** Enough for any process id. */
const PID_BYTES = 16;

/** flock(1): it could not have the lock. Any other status is a failure of its own. */
const HELD_ELSEWHERE = 1;

/** The right to use a data folder, as a journal needs it. */
export interface Hold {
  /** Whether the data file in the folder is still the one that was taken. */
  holds(): boolean;
  /** Gives it back. Once: the number of a closed descriptor soon belongs to something else. */
  release(): void;
}

/**
 * The right to use a data folder, held by one process at a time: on the file `lock`, and on `data.mdb` itself. Cleaners of
 * temporary folders delete a file that is never written again, and a lock on a file without a name is no lock; whoever deletes
 * the data has deleted the data.
 *
 * LMDB itself lets several processes in, and two servers that write one journal would each miss what the other wrote. The
 * lock is the kernel's (flock, on the file `lock`), so it goes with its process however that ends, and it holds between
 * containers that share a folder, where a process id means nothing. Node has no call for it: flock(1) takes it on a file
 * descriptor that it inherits, and as such a lock belongs to the open file, not to a process, it stays when flock(1) ends.
 */
export class FolderLock implements Hold {
  private constructor(
    private readonly folder: string,
    private descriptors: readonly number[],
    private readonly inode: number | undefined,
  ) {}

  /**
   * Takes the lock of a folder, or throws a {@link JournalError}: `locked`, with who has it, `damaged` when its data file is gone, or
   * `failed`. An empty data file is made where there was none.
   */
  static take(folder: string): FolderLock {
    const lock = LOCKS[process.platform];
    if (lock === undefined) throw new JournalError('failed', `no way is known to lock a folder on ${process.platform}`);
    const taken: number[] = [];
    try {
      // First: in a folder that nobody else can write, nobody exchanges a file between a look and its use.
      checkFolder(folder);
      taken.push(lock(folder, LOCK_FILE, constants.O_RDWR));
      prepareDataFile(folder);
      // Read only, as what is locked is the file and not what may be done with it.
      taken.push(lock(folder, DATA_FILE, constants.O_RDONLY));
      writeOwner(folder, taken[0]);
      return new FolderLock(folder, taken, inodeOf(folder));
    } catch (thrown) {
      for (const descriptor of taken) closeSync(descriptor);
      throw thrown;
    }
  }

  /**
   * Whether the data file in the folder is the one that is locked. It is another, or none, when somebody has put a backup in its
   * place, or deleted it: what is written from then on goes into a file that nobody finds again.
   */
  holds(): boolean {
    return inodeOf(this.folder) === this.inode;
  }

  release(): void {
    for (const descriptor of this.descriptors) closeSync(descriptor);
    this.descriptors = [];
  }
}

function checkFolder(folder: string): void {
  try {
    checkPrivateFolder(folder);
  } catch (thrown) {
    throw journalError(thrown, `cannot use ${folder}`);
  }
}

function prepareDataFile(folder: string): void {
  try {
    noteFounding(folder);
  } catch (thrown) {
    throw journalError(thrown, `cannot make ${join(folder, DATA_FILE)}`);
  }
}

/** The data file's number on its disk; undefined when it is not there. */
function inodeOf(folder: string): number | undefined {
  return statSync(join(folder, DATA_FILE), { throwIfNoEntry: false })?.ino;
}

/**
 * For people, and for the message of whoever comes later; it proves nothing. Always as long as before, so that it needs no space
 * on a disk that is full.
 */
function writeOwner(folder: string, descriptor: number): void {
  try {
    writeSync(descriptor, `${process.pid}`.padEnd(PID_BYTES), 0);
  } catch (thrown) {
    throw journalError(thrown, `cannot write ${join(folder, LOCK_FILE)}`);
  }
}

type Lock = (folder: string, file: string, access: number) => number;

const LOCKS: { readonly [platform in NodeJS.Platform]?: Lock } = {
  linux: lockWithFlock,
  darwin: lockWithOpen,
  freebsd: lockWithOpen,
};

function lockWithFlock(folder: string, file: string, access: number): number {
  const descriptor = opened(folder, file, access | constants.O_CREAT);
  const flock = spawnSync('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'pipe', descriptor] });
  if (flock.status === 0) return descriptor;
  closeSync(descriptor);
  if (flock.status === HELD_ELSEWHERE) throw held(folder);
  const why = flock.error?.message ?? (flock.stderr.toString().trim() || `it ended with status ${flock.status}`);
  const path = join(folder, file);
  throw new JournalError('failed', `cannot lock ${path}: flock(1) of util-linux or busybox is needed: ${why}`);
}

function lockWithOpen(folder: string, file: string, access: number): number {
  return opened(folder, file, access | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK);
}

function opened(folder: string, file: string, flags: number): number {
  try {
    return openPrivateFile(join(folder, file), flags);
  } catch (cause) {
    if (codeOf(cause) === 'EAGAIN') throw held(folder);
    throw journalError(cause, `cannot lock ${join(folder, file)}`);
  }
}

function held(folder: string): JournalError {
  const path = join(folder, LOCK_FILE);
  const owner = existsSync(path) ? readFileSync(path, 'latin1').trim() : '';
  // A `lock` that was deleted was made anew, by whoever is told this: it names nobody.
  const who = owner === '' ? 'another process' : `process ${owner}`;
  return new JournalError('locked', `${who} has ${folder}: one process at a time can use a data folder`);
}
