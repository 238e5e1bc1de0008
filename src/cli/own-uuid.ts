import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createPrivateFile, ensurePrivateFolder, readPrivateFile } from '../base/private-files.js';
import { defaultDataFolder } from '../config/config.js';
import { Failure, type Surroundings } from './surroundings.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The UUID of the instance that this user is under a name at a server: drawn the first time, and kept in the user's data folder. So an
 * instance that comes back after it was killed takes its own place again, and leaves no second node of its name behind.
 */
export function ownUuid(server: string, name: string, surroundings: Surroundings): string {
  const folder = join(defaultDataFolder(surroundings), 'instances');
  ensurePrivateFolder(folder);
  const place = createHash('sha256')
    .update(JSON.stringify([server, name]))
    .digest('hex')
    .slice(0, 32);
  const path = join(folder, `${place}.json`);
  createPrivateFile(path, `${JSON.stringify({ server, name, uuid: randomUUID() })}\n`);
  const uuid = uuidIn(readPrivateFile(path) ?? '');
  if (uuid === undefined) throw new Failure(`${path} holds no UUID: delete it, and the next start draws a new one`);
  return uuid;
}

function uuidIn(text: string): string | undefined {
  try {
    const { uuid } = JSON.parse(text) as { uuid?: unknown };
    return typeof uuid === 'string' && UUID.test(uuid) ? uuid : undefined;
  } catch {
    return undefined;
  }
}
