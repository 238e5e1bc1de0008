import type { Command } from 'commander';
import { openScratchFile } from '../../base/scratch-file.js';
import { type Surroundings, UsageError } from '../surroundings.js';
import { jsonOf } from './output.js';
import { type SortKey, type SortRow, sortRows } from './row-sorter.js';
import { type Column, writeTable } from './table.js';

/** Options of commands that print lists. */
export interface ListFlags {
  readonly json?: boolean;
  /** Cuts nothing to fit the terminal. */
  readonly wide?: boolean;
  /** A heading, with `-` before it for descending order. */
  readonly sort?: string;
  /** HEADING=TEXT. */
  readonly filter?: readonly string[];
}

/** A list for people and programs. */
export interface Listing<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: Iterable<Row> | AsyncIterable<Row>;
  /** A row for programs. */
  readonly facts: (row: Row) => object;
}

/** What a list is printed with. */
export type ListingDeps = Pick<Surroundings, 'terminal' | 'clock' | 'signal'>;

/** Adds the options that every command has that prints a list. */
export function withList(command: Command): Command {
  return command
    .option('--wide', 'cut nothing to fit the terminal')
    .option(
      '--sort <COLUMN>',
      'in the order of this column; -COLUMN: the other way round. Waits for the last row; many are sorted in a file in TMPDIR',
    )
    .option('--filter <COLUMN=TEXT>', 'only rows with this text in that column; more than one: all of them', gather)
    .option('--json', 'one JSON object a line');
}

function gather(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Throws a {@link UsageError} when a list cannot be sorted or filtered as it is asked for. */
export function checkList<Row>(columns: readonly Column<Row>[], { sort, filter = [] }: ListFlags): void {
  for (const text of filter) parseFilter(columns, text);
  if (sort !== undefined) parseSort(columns, sort);
}

/** Prints a list as it comes, or all of it at its end when it is to be sorted. */
export async function writeListing<Row>(listing: Listing<Row>, flags: ListFlags, deps: ListingDeps): Promise<void> {
  const { out } = deps.terminal;
  const { columns, facts } = listing;
  const keeps = (flags.filter ?? []).map((text) => parseFilter(columns, text));
  const order = flags.sort === undefined ? undefined : parseSort(columns, flags.sort);
  const rows = keeps.length === 0 ? listing.rows : filtered(listing.rows, keeps);
  const isWide = flags.wide === true;
  if (flags.json) {
    const objects = factsOf(rows, facts);
    return out.jsonLines(order === undefined ? objects : sorted({ rows, order, shownOf: facts }, deps));
  }
  if (order === undefined) return writeTable(out, columns, rows, { isWide });
  const cells = sorted<Row, Cell[]>({ rows, order, shownOf: (row) => columns.map(({ value }) => value(row)) }, deps);
  const columnsOfCells = columns.map(({ heading, right = false }, at) => ({
    heading,
    right,
    value: (row: Cell[]) => row[at],
  }));
  await writeTable(out, columnsOfCells, cells, { isWide });
}

type Cell = string | number;

async function* factsOf<Row>(rows: Iterable<Row> | AsyncIterable<Row>, facts: (row: Row) => object) {
  for await (const row of rows) yield facts(row);
}

async function* filtered<Row>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  keeps: readonly ((row: Row) => boolean)[],
): AsyncGenerator<Row> {
  for await (const row of rows) if (keeps.every((keep) => keep(row))) yield row;
}

/** The key of a row, and the order of keys. */
interface Order<Row> {
  readonly key: (row: Row) => SortKey;
  readonly compare: (one: SortKey, other: SortKey) => number;
}

/** Rows to be printed in an order, and what is printed of each. */
interface Sorting<Row, Shown> {
  readonly rows: Iterable<Row> | AsyncIterable<Row>;
  readonly order: Order<Row>;
  readonly shownOf: (row: Row) => Shown;
}

/** After so many sorted rows, others have a turn of the event loop: Ctrl-C is heard, and a reader that is slow. */
const ROWS_IN_TURN = 1_000;

/** What is printed of each row, in an order. Only that is kept of a row, as JSON, and of many rows only a part in memory. */
async function* sorted<Row, Shown extends object>(
  { rows, order, shownOf }: Sorting<Row, Shown>,
  { clock, signal }: ListingDeps,
): AsyncGenerator<Shown> {
  const { key, compare } = order;
  async function* keyed(): AsyncGenerator<SortRow> {
    for await (const row of rows) yield { key: key(row), json: jsonOf(shownOf(row)) };
  }
  let count = 0;
  for await (const json of sortRows(keyed(), { compare, openScratch: openScratchFile })) {
    yield JSON.parse(json);
    count += 1;
    if (count % ROWS_IN_TURN > 0) continue;
    await new Promise<void>((resolve) => clock.soon(resolve));
    signal.throwIfAborted();
  }
}

function parseSort<Row>(columns: readonly Column<Row>[], text: string): Order<Row> {
  const isDown = text.startsWith('-');
  const { value, rank } = findColumn(columns, '--sort', isDown ? text.slice(1) : text);
  const compare = isDown ? (one: SortKey, other: SortKey) => compareKeys(other, one) : compareKeys;
  return { key: rank ?? value, compare };
}

function compareKeys(one: SortKey, other: SortKey): number {
  const areNumbers = typeof one === 'number' && typeof other === 'number';
  return areNumbers ? one - other : COLLATOR.compare(String(one), String(other));
}

/** The same order on every machine; numbers inside of names by their value. */
const COLLATOR = new Intl.Collator('en', { numeric: true });

function parseFilter<Row>(columns: readonly Column<Row>[], text: string): (row: Row) => boolean {
  const at = text.indexOf('=');
  if (at < 0) throw new UsageError(`--filter: ${JSON.stringify(text)} must be COLUMN=TEXT`);
  const { value } = findColumn(columns, '--filter', text.slice(0, at));
  const wanted = text.slice(at + 1).toLowerCase();
  return (row) => String(value(row)).toLowerCase().includes(wanted);
}

/** A column by its heading, or by the first word of it. */
function findColumn<Row>(columns: readonly Column<Row>[], option: string, name: string): Column<Row> {
  const lower = name.toLowerCase();
  const found = columns.find(({ heading }) =>
    [heading, heading.split(' ')[0]].some((one) => one.toLowerCase() === lower),
  );
  if (found !== undefined) return found;
  const known = columns.map(({ heading }) => heading).join(', ');
  throw new UsageError(`${option}: there is no column ${JSON.stringify(name)}; there are ${known}`);
}
