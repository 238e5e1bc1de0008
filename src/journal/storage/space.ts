import { closeSync, constants, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;

const PROBE_PAGE_BYTES = 65_536;

/** Bytes that may still be written to the disk of a folder. Infinite where the file system does not say. */
export function freeBytes(folder: string): number {
  const { blocks, bavail, bsize } = statfsSync(folder);
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

/**
 * Whether so many bytes can be written so far into a file: they are, to one that is removed again. Returns what was
 * thrown.
 */
export function probeSpace(folder: string, from: number, bytes: number): Error | undefined {
  const path = join(folder, 'probe');
  const page = Buffer.alloc(PROBE_PAGE_BYTES, 1);
  try {
    const descriptor = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    try {
      for (let at = 0; at < bytes; ) at += writeSync(descriptor, page, 0, page.length, from + at);
    } finally {
      closeSync(descriptor);
    }
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    rmSync(path, { force: true });
  }
}
