import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IS_LONG } from '../long.js';
import { Program } from './process.js';
import { startMillionServer } from './servers/million-server.js';

/** In a short run enough that a command that held them would hold more than it may. */
const ROWS = IS_LONG ? 1_000_000 : 100_000;
const RSS_MAX = 300 * 1024 ** 2;
/** What a sorted list may need beyond the same list as it comes: of 100,000 rows 20 MiB, and up to 101 where all are held. */
const SORTING_BYTES_MAX = IS_LONG ? RSS_MAX : 40 * 1024 ** 2;
/** What the command works from when the server is asked to its first row: on a machine that has nothing else to do, that is the time. */
const FIRST_ROW_MS_MAX = 2_000;
/** A tick of the system's, in which it counts what a process works. */
const TICK_MS = 10;

describe('a list of very many rows', () => {
  let asked = () => {};
  /** What the lists needed as they came: the first tests measure what the others are compared with. */
  const plainRss = new Map<string, number>();
  let server: Awaited<ReturnType<typeof startMillionServer>>;
  beforeAll(async () => {
    server = await startMillionServer(ROWS, () => asked());
  });
  afterAll(() => server.stop());

  it.each(['sessions', 'nodes'])(
    'is printed as it comes, in bounded memory: %s',
    async (name) => {
      const program = new Program([name, '--server', server.address]);
      let lines = 0;
      let rss = 0;
      let sentAtFirst = 0;
      let askedMs: number | undefined;
      let firstRowMs = 0;
      asked = () => {
        askedMs ??= workedMsOf(program.process.pid!);
      };
      program.process.stdout!.on('data', (bytes: Buffer) => {
        if (lines === 0) {
          sentAtFirst = server.sent();
          firstRowMs = workedMsOf(program.process.pid!) - (askedMs ?? 0);
        }
        for (const byte of bytes) if (byte === 10) lines += 1;
        // What was printed is not kept: the test is of the program's memory.
        program.out = '';
        rss = Math.max(rss, rssOf(program.process.pid!));
      });
      expect(await program.ended()).toBe(0);
      expect(lines).toBe(ROWS + 1);
      // The windows of HTTP/2 hold some 5 MiB of them; the rest waits for the pipe to this test.
      expect(sentAtFirst).toBeLessThan(ROWS);
      expect(rss).toBeLessThan(RSS_MAX);
      plainRss.set(name, rss);
      expect(firstRowMs).toBeLessThan(FIRST_ROW_MS_MAX);
    },
    600_000,
  );

  it.each([
    ['sessions', '--sort', '-uuid'],
    ['sessions', '--sort', 'labels', '--json'],
    ['nodes', '--sort', '-name'],
  ])(
    'is sorted in bounded memory: %s %s %s',
    async (...words) => {
      const program = new Program([...words, '--server', server.address]);
      let lines = 0;
      let first = '';
      let rss = 0;
      program.process.stdout!.on('data', (bytes: Buffer) => {
        if (lines < 2) first += bytes;
        for (const byte of bytes) if (byte === 10) lines += 1;
        program.out = '';
        rss = Math.max(rss, rssOf(program.process.pid!));
      });
      expect(await program.ended()).toBe(0);
      expect(lines).toBe(words.includes('--json') ? ROWS : ROWS + 1);
      expect(first).toContain(words.includes('--json') ? '"name":"node-0"' : `node-${ROWS - 1}`);
      const beyond = rss - (plainRss.get(words[0]!) ?? Number.NaN);
      process.stderr.write(
        `${words.join(' ')}: ${mebibytes(rss)} MiB at most, ${mebibytes(beyond)} of them for sorting\n`,
      );
      expect(rss).toBeLessThan(RSS_MAX);
      expect(beyond).toBeLessThan(SORTING_BYTES_MAX);
    },
    600_000,
  );
});

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(0);
}

/** Bytes of a process that are in memory; 0 where the system does not say. */
function rssOf(pid: number): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** What a process has worked, in milliseconds; 0 where the system does not say. */
function workedMsOf(pid: number): number {
  try {
    // Behind the name, which is in brackets, stand the state and ten numbers, and then these two.
    const [, rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    const [user, system] = rest!.split(' ').slice(11).map(Number);
    return (user! + system!) * TICK_MS;
  } catch {
    return 0;
  }
}
