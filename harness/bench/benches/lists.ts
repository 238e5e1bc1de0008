import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { countFromOne, numberVariable } from '../../number-option.js';
import { type Figure, figureOf } from '../figure.js';
import { bound } from '../parts/children.js';
import { fill } from '../parts/filled.js';
import { dataFolder, startSwitchyard, switchyardProgram } from '../parts/servers.js';

/** Rows of each list. Fewer only to try the bench itself. */
const ROWS = numberVariable('SWITCHYARD_BENCH_ROWS', countFromOne) ?? 1_000_000;
const LISTS = [['sessions'], ['sessions', '--json'], ['nodes'], ['streams']] as const;

/** What one list took. */
interface Listed {
  /** From the start of the process to its first output. */
  readonly firstMs: number;
  readonly allMs: number;
  /** The most that was resident. */
  readonly residentMiB: number;
}

/** The command line's lists against a server with a million sessions, each of which has a stream from its start. */
export async function benchLists(rounds: number, progress: (line: string) => void): Promise<Figure[]> {
  const data = dataFolder();
  try {
    await fill(data.path, `sessions=${ROWS}`, 'snapshot');
    const server = await startSwitchyard(data.path);
    try {
      const figures: Figure[] = [];
      for (const words of LISTS) {
        const taken: Listed[] = [];
        for (let round = 0; round < rounds; round++) {
          taken.push(await list([...words, '--server', `127.0.0.1:${server.port}`, '--data', data.path]));
        }
        progress(
          `${words.join(' ')}: first row after ${taken.map(({ firstMs }) => Math.round(firstMs)).join(', ')} ms`,
        );
        figures.push(...figuresOf(words.join(' '), taken));
      }
      return figures;
    } finally {
      await server.stop();
    }
  } finally {
    data.remove();
  }
}

function figuresOf(name: string, taken: readonly Listed[]): Figure[] {
  const what = `switchyard ${name}, 1 M rows`;
  const bench = 'lists';
  return [
    figureOf(
      { bench, what: `${what}: the first one`, unit: 's', goal: '<= 2' },
      taken.map(({ firstMs }) => firstMs / 1_000),
    ),
    figureOf(
      { bench, what: `${what}: all`, unit: 's' },
      taken.map(({ allMs }) => allMs / 1_000),
    ),
    figureOf(
      { bench, what: `${what}: resident memory`, unit: 'MiB', goal: '<= 300' },
      taken.map(({ residentMiB }) => residentMiB),
    ),
  ];
}

/** Runs a list to its end. Rejects when it fails, or has fewer rows than there are. */
async function list(words: readonly string[]): Promise<Listed> {
  const startMs = performance.now();
  const child = bound(spawn(process.execPath, switchyardProgram(words), { stdio: ['ignore', 'pipe', 'ignore'] }));
  const exited = once(child, 'exit');
  let firstMs: number | undefined;
  let rows = 0;
  let residentMiB = 0;
  for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
    firstMs ??= performance.now() - startMs;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) rows += 1;
    residentMiB = mostResidentMiB(child.pid!) ?? residentMiB;
  }
  const [code] = await exited;
  if (code !== 0 || firstMs === undefined || rows < ROWS) {
    throw new Error(`switchyard ${words.join(' ')} printed ${rows} rows and ended with ${code}`);
  }
  return { firstMs, allMs: performance.now() - startMs, residentMiB };
}

/** The most that was resident of a process so far; undefined when it has ended. */
function mostResidentMiB(pid: number): number | undefined {
  try {
    const [, kib] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return kib === undefined ? undefined : Number(kib) / 1_024;
  } catch {
    return undefined;
  }
}
