import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { openScratchFile, type ScratchFile } from '../../../src/base/scratch-file.js';
import { writeListing } from '../../../src/cli/output/listing.js';
import { type SortKey, type SortRow, sortRows } from '../../../src/cli/output/row-sorter.js';
import type { Column } from '../../../src/cli/output/table.js';
import { makeTerminal } from '../../../src/cli/output/terminal.js';
import { Interrupt } from '../../../src/cli/surroundings.js';
import { systemClock } from '../../../src/client/system.js';
import { Recorder } from '../command.js';

const compare = (one: SortKey, other: SortKey) =>
  typeof one === 'number' && typeof other === 'number' ? one - other : String(one) < String(other) ? -1 : 1;

/** What is read ahead of all runs that are merged at once (4 MiB), and two long rows of each of them. */
const HELD_BYTES_MAX = 10 * 1024 ** 2;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sorted-list-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function sorted(rows: readonly SortRow[], runBytes: number): Promise<string[]> {
  async function* coming() {
    yield* rows;
  }
  const came: string[] = [];
  const deps = { compare, runBytes, openScratch: () => openScratchFile(folder) };
  for await (const json of sortRows(coming(), deps)) came.push(json);
  return came;
}

describe('rows that are sorted', () => {
  it(`come in the order of a stable sort, however many runs they make (seed ${SEED})`, async () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(9_000)));
    const row = fc.record({ key: fc.nat(9), value: text });
    const runBytes = fc.constantFrom(1, 30, 1_000, 1_000_000);
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 60 }), runBytes, async (values, length) => {
        const rows = values.map(({ key, value }, at) => ({ key, json: JSON.stringify([value, at]) }));
        const plain = [...rows].sort((one, other) => one.key - other.key).map(({ json }) => json);
        expect(await sorted(rows, length)).toEqual(plain);
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it.each([
    ['short rows', { rows: 16_000, rowBytes: 1_000, runBytes: undefined }],
    ['long rows, each a run of its own', { rows: 1_000, rowBytes: 20_000, runBytes: 1 }],
  ])('are in memory in a bounded part, when they come and when they are merged: %s', async (_what, load) => {
    const { rows, rowBytes, runBytes } = load;
    let [came, left, heldMost, read] = [0, 0, 0, 0];
    let scratch: ScratchFile | undefined;
    const openScratch = () => {
      const file = openScratchFile(folder);
      scratch = {
        ...{ folder, close: () => file.close() },
        get size() {
          return file.size;
        },
        append: (bytes) => {
          // What was read before was written again.
          if (read > 0) read -= bytes.length;
          file.append(bytes);
        },
        read: (bytes, at) => {
          read += bytes.length;
          heldMost = Math.max(heldMost, read - left * rowBytes);
          file.read(bytes, at);
        },
      };
      return scratch;
    };
    async function* coming() {
      for (; came < rows; came++) {
        yield { key: (came * 7919) % rows, json: 'x'.repeat(rowBytes) };
        heldMost = Math.max(heldMost, came * rowBytes - (scratch?.size ?? 0));
      }
    }
    const deps = { compare, openScratch, ...(runBytes === undefined ? {} : { runBytes }) };
    for await (const json of sortRows(coming(), deps)) if (json.length === rowBytes) left += 1;
    expect(left).toBe(rows);
    expect(rows * rowBytes).toBeGreaterThan(HELD_BYTES_MAX * 1.5);
    expect(heldMost).toBeLessThan(HELD_BYTES_MAX);
  });

  it('leave nothing in the folder for temporary files, and have no name there while they are written', async () => {
    const namesSeen: string[] = [];
    async function* coming() {
      for (let key = 100; key > 0; key--) {
        yield { key, json: String(key) };
        namesSeen.push(...readdirSync(folder));
      }
    }
    const deps = { compare, runBytes: 20, openScratch: () => openScratchFile(folder) };
    const came: string[] = [];
    for await (const json of sortRows(coming(), deps)) came.push(json);
    expect(came).toEqual(Array.from({ length: 100 }, (_, at) => String(at + 1)));
    expect([...namesSeen, ...readdirSync(folder)]).toEqual([]);
  });

  it('say which folder cannot be used, and what to do', async () => {
    const rows = [1, 2, 3].map((key) => ({ key, json: String(key) }));
    rmSync(folder, { recursive: true });
    await expect(sorted(rows, 1)).rejects.toMatchObject({
      message: expect.stringContaining(folder),
      more: [expect.stringContaining('TMPDIR')],
    });
  });
});

describe('--sort', () => {
  type Row = readonly [name: string, ms: number];
  const columns: readonly Column<Row>[] = [
    { heading: 'NAME', value: ([name]) => name },
    { heading: 'TTL', value: ([, ms]) => (ms < 60_000 ? `${ms / 1_000}s` : `${ms / 60_000}m`), rank: ([, ms]) => ms },
  ];
  const rows: Row[] = [
    ['two minutes', 120_000],
    ['thirty seconds', 30_000],
    ['thirty seconds, too', 30_000],
  ];
  const shown = async (flags: object, signal = new AbortController().signal) => {
    const recorder = new Recorder(undefined);
    const facts = ([name, ms]: Row) => ({ ['__proto__']: name, ms, revision: BigInt(ms) });
    await writeListing({ columns, rows, facts }, flags, {
      ...{ terminal: makeTerminal(recorder, recorder, false), clock: systemClock, signal },
    });
    return recorder.text.trimEnd().split('\n');
  };

  it('orders durations by how long they are and not by their words, equal ones as they came', async () => {
    const names = (lines: string[]) => lines.slice(1).map((line) => line.split(/ {2,}/)[0]);
    expect(names(await shown({ sort: 'ttl' }))).toEqual(['thirty seconds', 'thirty seconds, too', 'two minutes']);
    expect(names(await shown({ sort: '-ttl' }))).toEqual(['two minutes', 'thirty seconds', 'thirty seconds, too']);
  });

  it('prints the lines that are printed without it, in another order', async () => {
    for (const flags of [{}, { json: true }, { filter: ['name=thirty'] }]) {
      const plain = await shown(flags);
      expect((await shown({ ...flags, sort: '-name' })).sort()).toEqual([...plain].sort());
    }
  });

  it('is ended by Ctrl-C while it prints', async () => {
    const stop = new AbortController();
    let length = 0;
    const sink = {
      ...{ interactive: false, columns: undefined },
      write: async (text: string) => {
        if (length === 0) setImmediate(() => stop.abort(new Interrupt('SIGINT')));
        length += text.length;
      },
    };
    const many = Array.from({ length: 50_000 }, (_, at): Row => [`name ${at}`, at]);
    const deps = { terminal: makeTerminal(sink, sink, false), clock: systemClock, signal: stop.signal };
    const writing = writeListing({ columns, rows: many, facts: (row) => row }, { sort: 'name' }, deps);
    await expect(writing).rejects.toThrow('stopped by SIGINT');
    expect(length).toBeLessThan(500_000);
  });
});
