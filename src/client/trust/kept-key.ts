import { randomBytes, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asError, codeOf, isAbsent } from '../../base/errors.js';
import { makeFolders } from '../../base/make-folders.js';
import { DEFAULT_NETWORK } from '../../trust/signed-bytes.js';
import { SigningKey } from '../../trust/signing-key.js';

/** Only their owner may read and write private keys, and enter the folder. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What anybody else could do with a file. */
const OTHERS = 0o077;

/** A private key that is kept in a file, for one server and one name. */
export interface KeptKeyPlace {
  /** The user's data folder for this program. */
  readonly folder: string;
  /** HOST:PORT. */
  readonly server: string;
  /** The network of the server. Default: `default`. */
  readonly network?: string | undefined;
  /** What the key is for: an instance's name or UUID. */
  readonly name: string;
}

/** Where the key of a server, a network and a name is kept: each network of a server knows other keys, and other instances. */
export function keptKeyPath({ folder, server, network = DEFAULT_NETWORK, name }: KeptKeyPlace): string {
  // A network's name has no dot, so that its folder is no key's file.
  const inNetwork = network === DEFAULT_NETWORK ? [] : [fileName(network)];
  return join(folder, 'keys', fileName(server), ...inNetwork, `${fileName(name)}.pem`);
}

/** The key in a file. Undefined: there is no such file. Throws an Error with the path for one that cannot be used. */
export async function readKey(path: string): Promise<SigningKey | undefined> {
  const pem = await readPrivate(path);
  if (pem === undefined) return undefined;
  try {
    return SigningKey.fromPem(pem);
  } catch (error) {
    throw new Error(`${path}: ${asError(error).message}`);
  }
}

/** The key in a file, which is made when it is not there. Of two processes that make it at once, both get the same. */
export async function ensureKey(path: string): Promise<SigningKey> {
  return (await readKey(path)) ?? (await keep(path, () => SigningKey.generate().toPem(), readKey));
}

/** The instance that a key was made for, kept beside it, so that it stays the same when the key is replaced. */
export async function ensureUuid(path: string): Promise<string> {
  const uuidPath = `${path}.uuid`;
  const read = async (from: string) => {
    const uuid = (await readPrivate(from))?.trim();
    if (uuid === undefined || UUID.test(uuid)) return uuid;
    throw new Error(`${from} holds no UUID: delete it, and the next start draws a new one`);
  };
  return (await read(uuidPath)) ?? (await keep(uuidPath, () => `${randomUUID()}\n`, read));
}

/**
 * Replaces the key in a file by a new one, once `change` has told whoever has to know. The new key is on the disk before: after a
 * crash in between, the next call goes on with the same one.
 */
export async function replaceKey(path: string, change: (next: SigningKey) => Promise<void>): Promise<SigningKey> {
  const nextPath = `${path}.next`;
  const next = await ensureKey(nextPath);
  await change(next);
  await rename(nextPath, path);
  return next;
}

async function readPrivate(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // A link would let somebody else choose the file. Windows has no such flag.
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (codeOf(error) === 'ELOOP') throw new Error(`${path} is a link: put the file itself there`);
    throw error;
  }
  try {
    const { mode, uid } = await file.stat();
    const me = process.getuid?.();
    // Windows has neither owners nor modes of this kind.
    if (me !== undefined && uid !== me && me !== 0) throw new Error(`${path} belongs to another user`);
    if (me !== undefined && (mode & OTHERS) !== 0) {
      throw new Error(`${path} can be read by others: chmod 600 it, or take another key if they may have read it`);
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Makes a file that was not there. Whoever else has made it meanwhile was first: then it is read. */
async function keep<T>(path: string, make: () => string, read: (path: string) => Promise<T | undefined>): Promise<T> {
  makeFolders(dirname(path), FOLDER_MODE);
  await writeNew(path, make()).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const kept = await read(path);
  if (kept === undefined) throw new Error(`${path} has gone while it was made`);
  return kept;
}

/** Writes the file whole or not at all: it appears under its name when it is on the disk. Throws EEXIST where one is. */
async function writeNew(path: string, text: string): Promise<void> {
  const whole = `${path}.${randomBytes(6).toString('hex')}.new`;
  const file = await open(whole, 'wx', FILE_MODE);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(whole, path);
  } finally {
    await unlink(whole);
  }
}

/** A name as a file can have it: one spelling for each, and no way out of the folder. */
function fileName(text: string): string {
  return encodeURIComponent(text).replace(/^\./, '%2E').replaceAll('*', '%2A');
}
