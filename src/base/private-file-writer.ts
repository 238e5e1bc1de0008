import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isAbsent } from './errors.js';
import { nextName } from './private-files.js';

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY } = constants;

/**
 * Puts a secret file in the place of the one of that name, as `replacePrivateFile` does, without holding up the event loop: readers see the earlier file or the new one, also after a crash.
 * A link is replaced, not followed. What the process leaves when it is killed is removed by the next one.
 */
export async function writePrivateFile(path: string, parts: Iterable<string>): Promise<void> {
  const next = nextName(path);
  const file = await open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    try {
      // Whatever the process's mask was made to be.
      await file.chmod(0o600);
      for (const part of parts) await file.appendFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
  await syncFolderOf(path);
}

/** Gives a file another name in its folder, in the place of one of that name, durably. Nothing where it is not there. */
export async function movePrivateFile(path: string, to: string): Promise<void> {
  try {
    await rename(path, to);
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  await syncFolderOf(to);
}

/** Removes files of one folder, durably. Those that are not there do not matter. */
export async function removePrivateFiles(paths: readonly [string, ...string[]]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
  await syncFolderOf(paths[0]);
}

async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path), O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
