import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Program } from './process.js';
import { startMillionServer } from './servers/million-server.js';

/** Enough that a command that held them would hold more than it may; a million need no more. */
const ROWS = 100_000;
const RSS_MAX = 300 * 1024 ** 2;

describe('a list of very many rows', () => {
  let server: Awaited<ReturnType<typeof startMillionServer>>;
  beforeAll(async () => {
    server = await startMillionServer(ROWS);
  });
  afterAll(() => server.stop());

  it.each(['sessions', 'nodes'])(
    'is printed as it comes, in bounded memory: %s',
    async (name) => {
      const program = new Program([name, '--server', server.address]);
      let lines = 0;
      let rss = 0;
      let rowsAtFirst = 0;
      program.process.stdout!.on('data', (bytes: Buffer) => {
        if (lines === 0) rowsAtFirst = String(bytes).split('\n').length;
        for (const byte of bytes) if (byte === 10) lines += 1;
        // What was printed is not kept: the test is of the program's memory.
        program.out = '';
        rss = Math.max(rss, rssOf(program.process.pid!));
      });
      expect(await program.ended()).toBe(0);
      expect(lines).toBe(ROWS + 1);
      expect(rowsAtFirst).toBeLessThan(ROWS / 10);
      expect(rss).toBeLessThan(RSS_MAX);
    },
    300_000,
  );
});

/** Bytes of a process that are in memory; 0 where the system does not say. */
function rssOf(pid: number): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}
