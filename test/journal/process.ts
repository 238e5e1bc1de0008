import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const LOADER = 'harness/typescript.mjs';

/** A process of its own that runs one of the programs beside this file, from the top of the checkout. */
export function startProgram(program: string, folder: string): ChildProcess {
  return spawn(process.execPath, ['--import', `./${LOADER}`, `test/journal/${program}`, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The same under a limit for the size of its files. Resolves to what it printed. */
export function runLimited(program: string, args: readonly string[], kib: number): Promise<string> {
  // A shell that counts in blocks of 1 KiB, as bash does; POSIX has 512 bytes.
  const command = `trap '' XFSZ; ulimit -S -f ${kib}; exec "$@"`;
  const line = [process.execPath, '--import', `./${LOADER}`, `test/journal/${program}`, ...args];
  const child = spawn('bash', ['-c', command, 'bash', ...line], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (bytes) => {
    said += bytes;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve(said));
  });
}

/** When to kill: after so many lines, and so many milliseconds on top. */
export interface Moment {
  readonly lines: number;
  /** At once, the kill would come at the same point of the next append each time: just after its beginning. */
  readonly delayMs: number;
}

/** Runs the appender and kills it without any warning. Resolves to the last number it said. */
export async function killAppender(folder: string, { lines, delayMs }: Moment): Promise<number> {
  const child = startProgram('appender.ts', folder);
  const ended = new Promise((resolve) => child.on('close', resolve));
  let said = 0;
  let acknowledged = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    acknowledged = Number(line);
    if (++said === lines) setTimeout(() => child.kill('SIGKILL'), delayMs);
  }
  await ended;
  if (child.signalCode !== 'SIGKILL') throw new Error(`the appender ended by itself, with status ${child.exitCode}`);
  return acknowledged;
}
