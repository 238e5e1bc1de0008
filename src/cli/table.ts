import { cellsOf, printable } from './terminal.js';

/** A column of a table: what stands over it, and what stands in it. */
export interface Column<Row> {
  readonly heading: string;
  readonly value: (row: Row) => string | number;
  /** For numbers that are compared by their length. */
  readonly right?: boolean;
}

/** A table whose columns align, one line a row, ended by a newline; only the heading when there are no rows. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  paintHeading: (text: string) => string = (text) => text,
): string {
  const headings = columns.map((column) => column.heading);
  const cells = rows.map((row) => columns.map((column) => printable(String(column.value(row)))));
  const widths = columns.map((_, i) => Math.max(...[headings, ...cells].map((line) => cellsOf(line[i]))));
  const lineOf = (texts: readonly string[]) =>
    texts
      .map((text, i) => {
        const padding = ' '.repeat(widths[i] - cellsOf(text));
        return columns[i].right ? padding + text : text + padding;
      })
      .join('  ')
      .trimEnd();
  return [paintHeading(lineOf(headings)), ...cells.map(lineOf)].map((line) => `${line}\n`).join('');
}
