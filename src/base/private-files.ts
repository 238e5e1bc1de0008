import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, isAbsent } from './errors.js';
import { makeFolders } from './make-folders.js';

/*
 * Files and folders that hold secrets, or that the server's state depends on. A file that somebody else owns or that all can write
 * is not used: its content is not ours. Every check looks at what was opened (fstat), never at a name that can be exchanged
 * between the look and the use.
 *
 * Two kinds of path: what the program keeps itself (data folder, tokens, keys), where a link is refused, as nobody but a stranger
 * has a reason to put one there; and what a person has named (certificates, configuration), where links are followed, because
 * certbot and Kubernetes hand out certificates as links.
 */

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants;

const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const ROOT = 0;

/** Larger than any token, key or certificate chain; what is larger was named by mistake. */
const SECRET_BYTES_MAX = 1_048_576;

/** A file or folder that is not safe to use: the message names it, says why, and what to do. */
export class PrivateFileError extends Error {}

/** The user that this process runs as; undefined on systems that have no such number, where nothing is checked. */
const SELF = process.getuid?.();

/**
 * Makes a folder for its owner alone, with those above it, or checks the one that is there: a link, a folder of another user's, or one
 * that all can write is refused with a {@link PrivateFileError}. Returns the topmost folder that it made. `self` is another user only in tests.
 */
export function ensurePrivateFolder(path: string, self = SELF): string | undefined {
  const firstMade = makeFolders(path, 0o700);
  checkPrivateFolder(path, self);
  return firstMade;
}

/** The same for a folder that has to be there already. */
export function checkPrivateFolder(path: string, self = SELF): void {
  const descriptor = openUnlinked(path, O_RDONLY | O_DIRECTORY);
  try {
    checkStats(path, fstatSync(descriptor), { self, isSecret: false });
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a file that the program keeps itself, and checks it: a regular file, owned by this user or root, that not all can write.
 * `isSecret`: nor read. Links are not followed. The caller closes the descriptor.
 */
export function openPrivateFile(
  path: string,
  flags: number,
  { isSecret = false, self = SELF }: { readonly isSecret?: boolean; readonly self?: number | undefined } = {},
): number {
  // Without O_NONBLOCK, opening a named pipe that somebody put there would wait for ever.
  const descriptor = openUnlinked(path, flags | O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new PrivateFileError(`${path} is not a file: it is not used. Remove it`);
    checkStats(path, stats, { self, isSecret });
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** The content of a secret file that the program keeps itself; undefined when it is not there. */
export function readPrivateFile(path: string, self = SELF): string | undefined {
  let descriptor: number;
  try {
    descriptor = openPrivateFile(path, O_RDONLY, { isSecret: true, self });
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  try {
    return readBounded(path, descriptor).toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes a secret file with its content, durable when this returns. False, and nothing is written, when there is one of that name
 * already, be it a link. It is there with all of its content or not at all, also after a crash or on a disk without room; only where
 * the system refuses a second name for a file (hard links), a crash in the middle may leave a part of it.
 */
export function createPrivateFile(path: string, content: string): boolean {
  // A disk without room, or one that is read only, keeps nobody from what is there.
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
  const next = nextName(path);
  writeNew(next, content);
  try {
    if (!linkNew(next, path, content)) return false;
  } finally {
    rmSync(next, { force: true });
  }
  syncFolder(dirname(path));
  return true;
}

const SUFFIX_BYTES = 8;

/**
 * The name under which a file is written until it is whole. A random one: process ids are the same in two containers that share a
 * folder, and a file of this name that belongs to somebody else is never removed.
 */
export function nextName(path: string): string {
  return `${path}.${randomBytes(SUFFIX_BYTES).toString('hex')}.new`;
}

/** What {@link nextName} makes, and what earlier builds made of their process id. */
const UNFINISHED = new RegExp(`\\.(?:[0-9a-f]{${2 * SUFFIX_BYTES}}|\\d{1,10})\\.new$`);

/**
 * Removes what writes of secret files have left in a folder of this program when their process was killed: it may hold a secret that
 * was replaced since. Only what was last changed before `beforeMs` (milliseconds since 1970), so that a folder without a lock keeps
 * the files that another process is writing. `onKept` is called for each that cannot be removed, and for a folder that cannot be
 * listed: nothing is thrown, because a server can serve beside such a file.
 */
export function removeUnfinishedFiles(
  folder: string,
  onKept: (path: string, error: unknown) => void,
  beforeMs = Number.POSITIVE_INFINITY,
): void {
  for (const path of unfinishedFiles(folder, onKept)) {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats?.isFile() && stats.mtimeMs < beforeMs) rmSync(path, { force: true });
    } catch (error) {
      onKept(path, error);
    }
  }
}

function unfinishedFiles(folder: string, onUnread: (path: string, error: unknown) => void): string[] {
  try {
    const names = readdirSync(folder).filter((name) => UNFINISHED.test(name));
    return names.map((name) => join(folder, name));
  } catch (error) {
    onUnread(folder, error);
    return [];
  }
}

/** Gives a whole file its name; false when there is one of that name. Where a file cannot have two names, it is written once more. */
function linkNew(next: string, path: string, content: string): boolean {
  try {
    linkSync(next, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!LINKLESS.has(codeOf(error) ?? '')) throw error;
  }
  try {
    writeNew(path, content);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** What systems say that give a file no second name: FAT, some that are shared over a network, and what confines processes. */
const LINKLESS: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Writes a file that must not be there. What could not be written whole is removed. */
function writeNew(path: string, content: string): void {
  const descriptor = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeWhole(descriptor, content);
  } catch (error) {
    rmSync(path, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new PrivateFileError(`cannot write ${path}: ${why}`, { cause: error });
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Puts a secret file in the place of the one of that name, or where there is none: readers see the one or the other, also after a
 * crash. A link is replaced, not followed.
 */
export function replacePrivateFile(path: string, content: string): void {
  const next = nextName(path);
  writeNew(next, content);
  try {
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/**
 * The content of a file that a person has named: a private key, a certificate, a file with a token. Links are followed; what they lead
 * to is refused when another user owns it or all can write it. Pipes (`<(…)`, /dev/stdin) are read as they are.
 */
export function readNamedFile(path: string, self = SELF): Buffer {
  const descriptor = openSync(path, O_RDONLY);
  try {
    const stats = fstatSync(descriptor);
    if (stats.isFile()) checkStats(path, stats, { self, isSecret: false });
    return readBounded(path, descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes the names in a folder durable. */
export function syncFolder(path: string): void {
  const descriptor = openSync(path, O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function openUnlinked(path: string, flags: number): number {
  try {
    return openSync(path, flags | O_NOFOLLOW, 0o600);
  } catch (error) {
    const code = codeOf(error);
    // A link is ELOOP; one where a folder was asked for is ENOTDIR, as a file is.
    if (code === 'ELOOP' || (code === 'ENOTDIR' && (flags & O_DIRECTORY) !== 0)) {
      const kind = (flags & O_DIRECTORY) !== 0 ? 'a link, or no folder' : 'a link';
      const advice = 'links are not followed here. Name what it leads to (readlink -f), or remove it';
      throw new PrivateFileError(`${path} is ${kind}: ${advice}`, { cause: error });
    }
    throw error;
  }
}

function checkStats(
  path: string,
  { uid, mode }: Stats,
  { self, isSecret }: { readonly self: number | undefined; readonly isSecret: boolean },
): void {
  if (self === undefined) return;
  if (uid !== self && uid !== ROOT) {
    throw new PrivateFileError(
      `${path} belongs to user ${uid}, who can change it, and this process runs as user ${self}: it is not used. ` +
        `Run as that user, or chown ${self} ${path}`,
    );
  }
  if ((mode & OTHERS_WRITE) !== 0) {
    throw new PrivateFileError(`all users can write ${path} (mode ${octal(mode)}): it is not used. chmod o-w ${path}`);
  }
  if (isSecret && (mode & OTHERS_READ) !== 0) {
    throw new PrivateFileError(
      `all users can read the secret in ${path} (mode ${octal(mode)}): it is not used. Change the secret, and chmod o-r ${path}`,
    );
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function readBounded(path: string, descriptor: number): Buffer {
  if (fstatSync(descriptor).size > SECRET_BYTES_MAX) {
    throw new PrivateFileError(`${path} is larger than ${SECRET_BYTES_MAX} bytes: it is not what it should be`);
  }
  return readFileSync(descriptor);
}

function writeWhole(descriptor: number, content: string): void {
  // Whatever the process's mask was made to be.
  fchmodSync(descriptor, 0o600);
  writeFileSync(descriptor, content);
  fsyncSync(descriptor);
}
