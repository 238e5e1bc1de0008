import { join } from 'node:path';
import type { Random } from '../base/clock.js';
import { codeOf } from '../base/errors.js';
import { checkPrivateFolder, createPrivateFile, PrivateFileError, readPrivateFile } from '../base/private-files.js';
import { IN_MEMORY } from '../config/options.js';

/** The file of a data folder that holds the administrator's token. */
const FILE = 'admin-token';
/** The one that holds what collectors of metrics send. */
const METRICS_FILE = 'metrics-token';

interface TokenPlace {
  readonly folder: string;
  readonly file: string;
  /** The token that an option has given. */
  readonly given: string | undefined;
  readonly random: Random;
}

/**
 * The administrator's token of a data folder; undefined when there is none that the caller may read. Rejects with a PrivateFileError
 * when others can change the folder or the file: the token would be theirs.
 */
export async function readAdminToken(folder: string): Promise<string | undefined> {
  return readToken(folder, FILE);
}

/** The same for the token of collectors of metrics. */
export async function readMetricsToken(folder: string): Promise<string | undefined> {
  return readToken(folder, METRICS_FILE);
}

async function readToken(folder: string, file: string): Promise<string | undefined> {
  try {
    checkPrivateFolder(folder);
    return readPrivateFile(join(folder, file))?.trim();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'EACCES') return undefined;
    throw error;
  }
}

/** Copies the administrator's token, and that of collectors, of one data folder into another that has none. Nothing where there is none. */
export async function copyAdminToken(from: string, to: string): Promise<void> {
  for (const file of [FILE, METRICS_FILE]) {
    const token = await readToken(from, file);
    if (token !== undefined) createPrivateFile(join(to, file), `${token}\n`);
  }
}

/**
 * The token that makes a caller an administrator: the one that was given, else the data folder's, which is made when it
 * is not there yet and which only its owner can read. Undefined for a server in memory that was given none: it has no
 * administrator.
 */
export async function ensureAdminToken(
  folder: string,
  given: string | undefined,
  random: Random,
): Promise<string | undefined> {
  return ensureToken({ folder, file: FILE, given, random });
}

/** The same for the token of collectors of metrics. */
export async function ensureMetricsToken(
  folder: string,
  given: string | undefined,
  random: Random,
): Promise<string | undefined> {
  return ensureToken({ folder, file: METRICS_FILE, given, random });
}

async function ensureToken({ folder, file, given, random }: TokenPlace): Promise<string | undefined> {
  if (given !== undefined) return given;
  if (folder === IN_MEMORY) return undefined;
  checkPrivateFolder(folder);
  const path = join(folder, file);
  const read = () => readPrivateFile(path)?.trim();
  // Never overwritten: the token of a folder stays what it is. Another process may make it between the two.
  const token = read() ?? makeToken(path, random) ?? read();
  // Earlier builds made the file before its content, and a crash came between; an empty secret would let everybody in.
  if (!token) throw new PrivateFileError(`${path} holds no token: delete it, and the next start makes a new one`);
  return token;
}

/** Undefined where the file is there already. */
function makeToken(path: string, random: Random): string | undefined {
  const token = Buffer.from(random.bytes(24)).toString('base64url');
  return createPrivateFile(path, `${token}\n`) ? token : undefined;
}
