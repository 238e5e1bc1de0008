import { describe, expect, it } from '@jest/globals';
import { writeListing } from '../../../src/cli/output/listing.js';
import { type Column, writeTable } from '../../../src/cli/output/table.js';
import { cellsOf, makeTerminal } from '../../../src/cli/output/terminal.js';
import { systemClock } from '../../../src/client/system.js';
import { Recorder } from '../command.js';

type Row = readonly [sid: number, name: string];
const COLUMNS: readonly Column<Row>[] = [
  { heading: 'SID', value: (row) => row[0], right: true },
  { heading: 'NAME', value: (row) => row[1] },
  { heading: 'END', value: () => 'x' },
];

const RUNNING = { clock: systemClock, signal: new AbortController().signal };

async function tableOf(
  rows: Iterable<Row> | AsyncIterable<Row>,
  { columns, isColored = false, isWide = false }: { columns?: number; isColored?: boolean; isWide?: boolean } = {},
): Promise<string> {
  const recorder = new Recorder(columns);
  await writeTable(makeTerminal(recorder, recorder, isColored).out, COLUMNS, rows, { isWide });
  return recorder.text;
}

describe('a table', () => {
  it('aligns its columns by the cells that they take, numbers to the right', async () => {
    const rows: Row[] = [
      [7, 'roof'],
      [134217858, 'é日😀'],
    ];
    expect(await tableOf(rows)).toBe(
      ['      SID  NAME   END', '        7  roof   x', '134217858  é日😀  x', ''].join('\n'),
    );
  });

  it('is only its heading when there is nothing in it', async () => {
    expect(await tableOf([], { isColored: true })).toBe('\u001b[1mSID  NAME  END\u001b[22m\n');
  });

  it.each([40, 80])(
    'has one line of a terminal of %i cells for each row, cut where something is missing',
    async (columns) => {
      const names = ['x'.repeat(300), '日'.repeat(100), '👨‍👩‍👧'.repeat(60), 'short'];
      const lines = (
        await tableOf(
          names.map((name, at) => [at, name]),
          { columns },
        )
      )
        .trimEnd()
        .split('\n');
      expect(lines).toHaveLength(5);
      for (const line of lines) expect(cellsOf(line)).toBeLessThanOrEqual(columns);
      expect(lines.map((line) => line.includes('…'))).toEqual([false, true, true, true, false]);
      expect(lines[4]).toMatch(/short +x$/);
    },
  );

  it('cuts nothing when it is to be wide, nor where no terminal is', async () => {
    const rows: Row[] = [[1, 'x'.repeat(300)]];
    for (const asked of [{ columns: 80, isWide: true }, {}])
      expect(await tableOf(rows, asked)).toContain('x'.repeat(300));
  });

  it('is written as its rows come, however many follow', async () => {
    const recorder = new Recorder(undefined);
    let made = 0;
    async function* rows(): AsyncGenerator<Row> {
      for (; made < 100_000; made++) yield [made, `name-${made}`];
    }
    const seenAt: number[] = [];
    const write = recorder.write.bind(recorder);
    recorder.write = (text) => {
      seenAt.push(made);
      return write(text);
    };
    await writeTable(makeTerminal(recorder, recorder, false).out, COLUMNS, rows());
    expect(seenAt[0]).toBeLessThan(2_000);
    expect(recorder.text.split('\n')).toHaveLength(100_002);
  });

  it('knows how many cells a text takes', () => {
    expect(['', 'abc', 'e\u0301', '日本', '👍', '👨‍👩‍👧'].map(cellsOf)).toEqual([0, 3, 1, 4, 2, 2]);
  });
});

describe('a list of many rows', () => {
  it.each([
    ['a table', {}],
    ['JSON', { json: true }],
  ])('is written in few pieces, those before a failure too: %s', async (_, flags) => {
    const pieces: string[] = [];
    const sink = { interactive: false, columns: undefined, write: async (text: string) => void pieces.push(text) };
    async function* rows(): AsyncGenerator<Row> {
      for (let sid = 1; sid <= 5_000; sid++) yield [sid, `name ${sid}`];
      throw new Error('the server is gone');
    }
    const facts = ([sid, name]: Row) => ({ sid, name });
    const writing = writeListing({ columns: COLUMNS, rows: rows(), facts }, flags, {
      terminal: makeTerminal(sink, sink, false),
      ...RUNNING,
    });
    await expect(writing).rejects.toThrow('the server is gone');
    expect(pieces.join('')).toMatch(/name 5000\b.*\n$/);
    expect(pieces.length).toBeLessThan(50);
  });
});
