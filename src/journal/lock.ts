import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { journalError } from './failure.js';
import { JournalError } from './journal.js';

/** BSD's and macOS's open(2): the lock comes with the file descriptor. Not among Node's constants. */
const O_EXLOCK = 0x20;

/** Enough for any process id. */
const PID_BYTES = 16;

/** flock(1): it could not have the lock. Any other status is a failure of its own. */
const HELD_ELSEWHERE = 1;

/**
 * The right to use a data folder, held by one process at a time.
 *
 * LMDB itself lets several processes in, and two servers that write one journal would each miss what the other wrote. The
 * lock is the kernel's (flock, on the file `lock`), so it goes with its process however that ends, and it holds between
 * containers that share a folder, where a process id means nothing. Node has no call for it: flock(1) takes it on a file
 * descriptor that it inherits, and as such a lock belongs to the open file, not to a process, it stays when flock(1) ends.
 */
export class FolderLock {
  private constructor(private descriptor: number | undefined) {}

  /** Takes the lock of a folder, or throws a {@link JournalError}: `locked`, with who has it, or `failed`. */
  static take(folder: string): FolderLock {
    const path = join(folder, 'lock');
    const lock = LOCKS[process.platform];
    if (lock === undefined) throw new JournalError('failed', `no way is known to lock a folder on ${process.platform}`);
    const descriptor = lock(path);
    try {
      // For people, and for the message of whoever comes later; it proves nothing. Always as long as before, so that it
      // needs no space on a disk that is full.
      writeSync(descriptor, `${process.pid}`.padEnd(PID_BYTES), 0);
    } catch (thrown) {
      closeSync(descriptor);
      throw journalError(thrown, `cannot write ${path}`);
    }
    return new FolderLock(descriptor);
  }

  /** Gives the lock back. Once: the number of a closed descriptor soon belongs to something else. */
  release(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}

const LOCKS: { readonly [platform in NodeJS.Platform]?: (path: string) => number } = {
  linux: lockWithFlock,
  darwin: lockWithOpen,
  freebsd: lockWithOpen,
};

function lockWithFlock(path: string): number {
  const descriptor = opened(path, constants.O_RDWR | constants.O_CREAT);
  const flock = spawnSync('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'pipe', descriptor] });
  if (flock.status === 0) return descriptor;
  closeSync(descriptor);
  if (flock.status === HELD_ELSEWHERE) throw held(path);
  const why = flock.error?.message ?? (flock.stderr.toString().trim() || `it ended with status ${flock.status}`);
  throw new JournalError('failed', `cannot lock ${path}: flock(1) of util-linux or busybox is needed: ${why}`);
}

function lockWithOpen(path: string): number {
  return opened(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK);
}

function opened(path: string, flags: number): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EAGAIN') throw held(path);
    throw journalError(cause, `cannot lock ${path}`);
  }
}

function held(path: string): JournalError {
  const owner = readFileSync(path, 'latin1').trim();
  const who = owner === '' ? 'another process' : `process ${owner}`;
  return new JournalError('locked', `${who} has ${path}: one process at a time can use a data folder`);
}
