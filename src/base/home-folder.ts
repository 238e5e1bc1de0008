import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';

/**
 * The user's home folder; undefined where there is none: HOME is not set and the user is in no user database, as in a container
 * that runs under a number of its own. `homedir` throws there, or repeats a HOME that is empty.
 */
export function homeFolder(read: () => string = homedir): string | undefined {
  try {
    const home = read();
    return isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}
