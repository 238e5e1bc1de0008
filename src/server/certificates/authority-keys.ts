import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { lstatSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isAbsent } from '../../base/errors.js';
import {
  checkPrivateFolder,
  createPrivateFile,
  PrivateFileError,
  readPrivateFile,
  syncFolder,
} from '../../base/private-files.js';
import { keyIdOf } from '../../trust/public-key.js';

/** The key of the authority in use. */
export const AUTHORITY_KEY_FILE = 'authority-key.pem';
/** The key of the authority that is to take its place. */
export const NEXT_KEY_FILE = 'next-authority-key.pem';

/** The authority's key, made if there is none, nor a next one. Only the next one takes its place: everybody who has a pin knows it. */
export function ensureAuthorityKey(folder: string | undefined): KeyObject {
  if (folder === undefined) return makeKey();
  const path = join(folder, AUTHORITY_KEY_FILE);
  const kept = readPrivateFile(path);
  if (kept !== undefined) return parsedKey(path, kept);
  if (lstatSync(join(folder, NEXT_KEY_FILE), { throwIfNoEntry: false }) !== undefined) {
    const text = `${path} is missing, and ${NEXT_KEY_FILE} is there: put the right one back, or run \`switchyard cert use-next\`, whose pin clients may know. Where both are deleted a new authority is made, which no client knows`;
    throw new PrivateFileError(text);
  }
  const key = makeKey();
  return createPrivateFile(path, pemOf(key)) ? key : parsedKey(path, readFileSync(path, 'utf8'));
}

/** The keys of a data folder; undefined for one that is not there. They are at most two, and never the same. */
export function readAuthorityKeys(folder: string): {
  readonly present: KeyObject | undefined;
  readonly next: KeyObject | undefined;
} {
  // The next one first: renamed in between, it is read twice, and not missed.
  const next = readKey(join(folder, NEXT_KEY_FILE));
  const present = readKey(join(folder, AUTHORITY_KEY_FILE));
  return { present, next: next !== undefined && present?.equals(next) ? undefined : next };
}

/** When the file of a data folder's next authority was written, by the wall clock: a copy of the folder may be later. Undefined without one. */
export function nextMadeAtMs(folder: string): number | undefined {
  return lstatSync(join(folder, NEXT_KEY_FILE), { throwIfNoEntry: false })?.mtimeMs;
}

/** Makes the next authority of a data folder. Undefined, and nothing is made, where there is one already. */
export function makeNextAuthority(folder: string): Buffer | undefined {
  checkPrivateFolder(folder);
  const key = makeKey();
  return createPrivateFile(join(folder, NEXT_KEY_FILE), pemOf(key)) ? pinOfKey(key) : undefined;
}

/**
 * Puts the next authority of a data folder in the place of the one in use, whose key is gone then. A server takes it when it looks at its
 * files. Undefined, and nothing changes, where there is no next one.
 */
export function useNextAuthority(folder: string): Buffer | undefined {
  checkPrivateFolder(folder);
  const path = join(folder, NEXT_KEY_FILE);
  const key = readKey(path);
  if (key === undefined) return undefined;
  try {
    renameSync(path, join(folder, AUTHORITY_KEY_FILE));
  } catch (error) {
    // Another command has put it to use in between.
    if (isAbsent(error)) return undefined;
    throw error;
  }
  syncFolder(folder);
  return pinOfKey(key);
}

/** The pin of an authority: SHA-256 of the SubjectPublicKeyInfo of its key. */
export function pinOfKey(key: KeyObject): Buffer {
  return keyIdOf(createPublicKey(key).export({ type: 'spki', format: 'der' }));
}

function makeKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function readKey(path: string): KeyObject | undefined {
  const kept = readPrivateFile(path);
  return kept === undefined ? undefined : parsedKey(path, kept);
}

function parsedKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    // Earlier builds made the file before its content, and a crash may have come between: then nobody has seen a certificate of it.
    const text = `${path} holds no private key in PEM: put the right one there, or delete it and all pins with it`;
    throw new PrivateFileError(text, { cause });
  }
}
