import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from './errors.js';

/**
 * Makes a folder and those above it that are missing; returns the topmost that it made, undefined when all were there. Its error is the
 * real one: `recursive` says ENOENT where the system says that the disk is read only (nodejs/node #47098).
 */
export function makeFolders(path: string, mode: number): string | undefined {
  try {
    return mkdirSync(path, { recursive: true, mode });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    const topmost = topmostMissing(path);
    const isOurs = makeFolder(topmost, mode);
    const firstBelow = mkdirSync(path, { recursive: true, mode });
    return isOurs ? topmost : firstBelow;
  }
}

/** False: another process has made it meanwhile. */
function makeFolder(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    // A link that leads nowhere is in the way, too.
    if (codeOf(error) === 'EEXIST' && existsSync(path)) return false;
    throw error;
  }
}

function topmostMissing(path: string): string {
  const above = dirname(path);
  return above === path || existsSync(above) ? path : topmostMissing(above);
}
