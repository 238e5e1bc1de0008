import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const LOADER = 'test/typescript.mjs';

/** A process of its own that runs one of the programs beside this file, from the top of the checkout. */
export function startProgram(program: string, folder: string): ChildProcess {
  return spawn(process.execPath, ['--import', `./${LOADER}`, `test/journal/${program}`, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The same under a limit for the size of its files. Resolves to what it said when it failed, or undefined. */
export function runLimited(program: string, folder: string, kib: number): Promise<string | undefined> {
  const command = `trap '' XFSZ; ulimit -S -f ${kib}; exec "$0" --import ./${LOADER} test/journal/${program} "$1"`;
  // A shell that counts in blocks of 1 KiB, as bash does; POSIX has 512 bytes.
  const child = spawn('bash', ['-c', command, process.execPath, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes) => {
    said += bytes;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code === 0 ? undefined : said));
  });
}

/** Runs the appender and kills it after so many lines, without any warning. Resolves to the last number it said. */
export async function killAppender(folder: string, lines: number): Promise<number> {
  const child = startProgram('appender.ts', folder);
  const ended = new Promise((resolve) => child.on('close', resolve));
  let said = 0;
  let acknowledged = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    acknowledged = Number(line);
    if (++said === lines) child.kill('SIGKILL');
  }
  await ended;
  if (child.signalCode !== 'SIGKILL') throw new Error(`the appender ended by itself, with status ${child.exitCode}`);
  return acknowledged;
}
