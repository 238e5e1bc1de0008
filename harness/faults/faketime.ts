import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** In any process that runs under libfaketime: where its offset stands. */
export const OFFSET_FILE = 'FAKETIME_TIMESTAMP_FILE';

/**
 * What a process has to have in its environment so that its wall clock is as far off as a file says. The monotonic clock is left
 * alone: settimeofday(2) does not touch it either.
 */
export function clockEnvironment(file: string): Readonly<Record<string, string>> {
  const library = faketimeLibrary();
  if (library === undefined) throw new Error('libfaketime is not installed');
  return { LD_PRELOAD: library, [OFFSET_FILE]: file, FAKETIME_NO_CACHE: '1', DONT_FAKE_MONOTONIC: '1' };
}

/**
 * Sets the clock of processes so many seconds off. In one step, as libfaketime looks whenever somebody asks for the time, and ends the
 * process over half a number.
 */
export function setOffset(file: string, seconds: number): void {
  const next = `${file}.next`;
  writeFileSync(next, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  renameSync(next, file);
}

/** Where libfaketime is; undefined when it is not installed. */
export function faketimeLibrary(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const folders = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => join('/usr/lib', name))];
  return folders.map((folder) => join(folder, 'faketime/libfaketime.so.1')).find(existsSync);
}
