import { closeSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAbsent } from '../../base/errors.js';
import { openPrivateFile } from '../../base/private-files.js';
import { defaultDataFolder } from '../../config/config.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';

const KEY_ID = /^[0-9a-f]{64}$/;

/** The id of a key, as `switchyard key show` prints it; undefined for anything else. */
export function readKeyId(text: string): string | undefined {
  const id = text.toLowerCase();
  return KEY_ID.test(id) ? id : undefined;
}

/**
 * Which keys have to stand behind a peer's: those of `--peer-key`, else those that the file `known_peers` of the user's data folder has for it,
 * by the very word that names it on the command line. Undefined: the server is believed.
 */
export function pinsOf(
  who: string,
  given: readonly string[] | undefined,
  place: Pick<Surroundings, 'env' | 'platform' | 'home'>,
): readonly string[] | undefined {
  if (given !== undefined && given.length > 0) {
    return given.map((text) => {
      const id = readKeyId(text);
      if (id === undefined) {
        throw new UsageError(
          `--peer-key: ${JSON.stringify(text)} is not the 64 hexadecimal digits that \`key show\` prints`,
        );
      }
      return id;
    });
  }
  const path = join(defaultDataFolder(place), 'known_peers');
  const known = readKnownPeers(path).flatMap(({ name, keyId }) => (name === who ? keyId : []));
  return known.length === 0 ? undefined : known;
}

/** Reads lines of a name and the id of a key. A mistake is a Failure: a line that is passed over would be a pin that is not asked for. */
function readKnownPeers(path: string): readonly { readonly name: string; readonly keyId: string }[] {
  return contentOf(path)
    .split('\n')
    .flatMap((line, at) => {
      const text = line.trim();
      if (text === '' || text.startsWith('#')) return [];
      const [name = '', key = '', ...more] = text.split(/\s+/);
      const keyId = readKeyId(key);
      if (keyId === undefined || more.length > 0) {
        throw new Failure(`${path}:${at + 1}: a line is a peer's name, and the 64 hexadecimal digits of its key`);
      }
      return { name, keyId };
    });
}

/** The file if others cannot change it; empty when there is none. */
function contentOf(path: string): string {
  let descriptor: number;
  try {
    descriptor = openPrivateFile(path, constants.O_RDONLY);
  } catch (error) {
    if (isAbsent(error)) return '';
    throw error;
  }
  try {
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
