import type { Output } from './output.js';
import { printable } from './printable.js';
import { cellsOf } from './terminal.js';
import { bold, type Text } from './text.js';

/** A column of a table: its heading and its cells. */
export interface Column<Row> {
  readonly heading: string;
  readonly value: (row: Row) => string | number;
  /** What the column is sorted by where its words are not in the order of what they mean: `90 s` is less than `2 min`. */
  readonly rank?: (row: Row) => number;
  /** Aligns cells on the right, as numbers are. */
  readonly right?: boolean;
}

/** Rows that decide the columns' widths; later rows that need more are out of line. */
const SAMPLE_ROWS = 500;
/** No column of words is made narrower than this to fit a terminal. */
const CELLS_MIN = 8;
const GAP = '  ';
const CUT = '…';

/**
 * Writes a table whose columns align, one line a row; only the heading when there are no rows. It is written as the rows
 * come, so that a million of them need no more memory than a page of them. On a terminal, cells are cut so that a row is
 * one line of it, unless `isWide`.
 */
export async function writeTable<Row>(
  output: Output,
  columns: readonly Column<Row>[],
  rows: Iterable<Row> | AsyncIterable<Row>,
  { isWide = false }: { readonly isWide?: boolean } = {},
): Promise<void> {
  const sample: string[][] = [];
  let layout: Layout | undefined;
  const room = isWide ? undefined : output.columns;
  const cellsIn = (row: Row) => columns.map((column) => printable(String(column.value(row))));
  async function* lines(): AsyncGenerator<Text> {
    for await (const row of rows) {
      if (layout !== undefined) {
        yield layout.line(cellsIn(row));
        continue;
      }
      sample.push(cellsIn(row));
      if (sample.length === SAMPLE_ROWS) yield* begin();
    }
    if (layout === undefined) yield* begin();
  }
  function* begin(): Generator<Text> {
    layout = new Layout(columns, sample, room);
    yield bold(layout.line(columns.map(({ heading }) => heading)));
    for (const cells of sample.splice(0)) yield layout.line(cells);
  }
  await output.writeLines(lines());
}

/** How wide the columns of a table are. */
class Layout {
  readonly #widths: number[];
  readonly #isRight: readonly boolean[];
  readonly #isCut: boolean;

  constructor(columns: readonly Column<never>[], sample: readonly (readonly string[])[], room: number | undefined) {
    this.#isRight = columns.map(({ right }) => right === true);
    this.#widths = columns.map(({ heading }) => cellsOf(heading));
    for (const cells of sample) {
      for (const [at, cell] of cells.entries()) this.#widths[at] = Math.max(this.#widths[at], cellsOf(cell));
    }
    this.#isCut = room !== undefined;
    if (room !== undefined) this.#fit(room);
  }

  /** A row as one line. */
  line(cells: readonly string[]): string {
    const padded = cells.map((cell, at) => {
      const width = this.#widths[at];
      const shown = this.#isCut && !this.#isRight[at] ? cut(cell, width) : cell;
      const padding = ' '.repeat(Math.max(0, width - cellsOf(shown)));
      return this.#isRight[at] ? padding + shown : shown + padding;
    });
    return padded.join(GAP).trimEnd();
  }

  /** Takes from the widest column of words, cell by cell, until a row fits. Numbers are never cut. */
  #fit(room: number): void {
    const sum = () => this.#widths.reduce((all, width) => all + width, GAP.length * (this.#widths.length - 1));
    for (let over = sum() - room; over > 0; over--) {
      const widest = this.#widths.reduce(
        (best, width, at) => (!this.#isRight[at] && width > (this.#widths[best] ?? CELLS_MIN) ? at : best),
        -1,
      );
      if (widest < 0) return;
      this.#widths[widest] -= 1;
    }
  }
}

/** The beginning of a text that takes so many cells at most, with a mark where something is missing. */
function cut(text: string, cells: number): string {
  if (text.length <= cells && cellsOf(text) <= cells) return text;
  if (cellsOf(text) <= cells) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of GRAPHEMES.segment(text)) {
    used += cellsOf(segment);
    if (used > cells) break;
    kept += segment;
  }
  return `${kept}${CUT}`;
}

const GRAPHEMES = new Intl.Segmenter();
