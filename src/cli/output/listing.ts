import type { Command } from 'commander';
import { UsageError } from '../surroundings.js';
import { type Column, writeTable } from './table.js';
import type { Terminal } from './terminal.js';

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

/** Adds the options that every command has that prints a list. */
export function withList(command: Command): Command {
  return command
    .option('--wide', 'cut nothing to fit the terminal')
    .option('--sort <COLUMN>', 'in the order of this column; -COLUMN: the other way round. Waits for the last row')
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
export async function writeListing<Row>(listing: Listing<Row>, flags: ListFlags, { out }: Terminal): Promise<void> {
  const { columns, facts } = listing;
  const keeps = (flags.filter ?? []).map((text) => parseFilter(columns, text));
  const order = flags.sort === undefined ? undefined : parseSort(columns, flags.sort);
  const kept = keeps.length === 0 ? listing.rows : filtered(listing.rows, keeps);
  const rows = order === undefined ? kept : await sorted(kept, order);
  if (!flags.json) return writeTable(out, columns, rows, { isWide: flags.wide === true });
  await out.jsonLines(factsOf(rows, facts));
}

async function* factsOf<Row>(rows: Iterable<Row> | AsyncIterable<Row>, facts: (row: Row) => object) {
  for await (const row of rows) yield facts(row);
}

async function* filtered<Row>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  keeps: readonly ((row: Row) => boolean)[],
): AsyncGenerator<Row> {
  for await (const row of rows) if (keeps.every((keep) => keep(row))) yield row;
}

/** Holds every row: the server's bounds limit their number. */
async function sorted<Row>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  compare: (one: Row, other: Row) => number,
): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all.sort(compare);
}

function parseSort<Row>(columns: readonly Column<Row>[], text: string): (one: Row, other: Row) => number {
  const isDown = text.startsWith('-');
  const { value } = findColumn(columns, '--sort', isDown ? text.slice(1) : text);
  const compare = (one: Row, other: Row) => {
    const [a, b] = [value(one), value(other)];
    return typeof a === 'number' && typeof b === 'number' ? a - b : COLLATOR.compare(String(a), String(b));
  };
  return isDown ? (one, other) => compare(other, one) : compare;
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
