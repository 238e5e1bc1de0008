import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { go, route } from '../route.js';

/** A column of a table. */
export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** What stands in a cell. */
  readonly cell: (row: Row) => ComponentChildren;
  /** By what its rows are sorted; undefined for a column that is not. */
  readonly order?: (row: Row) => string | number;
  readonly isNumber?: boolean;
  /** Left out where there is no room. */
  readonly isWide?: boolean;
}

interface TableProps<Row> {
  /** What the table is, for those who do not see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => number | string;
  /** A click on a row, or Enter. */
  readonly onOpen?: (row: Row) => void;
  readonly current?: number | string;
  /** Said where there are no rows. */
  readonly empty: ComponentChildren;
}

const ROW_PIXELS = 32;
const ROWS_AROUND = 12;

/** A real table of any length: only the rows that are seen are there. Sorted by its heads, and by keys moved in. */
export function Table<Row>({ label, columns, rows, idOf, onOpen, current, empty }: TableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const sorted = sortRows(rows, columns);
  const virtualizer = useVirtualizer(scroller, sorted.length);
  const items = virtualizer.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  const move = (to: number) => {
    const at = Math.max(0, Math.min(sorted.length - 1, to));
    setActive(at);
    virtualizer.scrollToIndex(at);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 };
    const step = steps[event.key];
    if (step !== undefined) move(active + step);
    else if (event.key === 'Home') move(0);
    else if (event.key === 'End') move(sorted.length - 1);
    else if (event.key === 'Enter' && event.target === event.currentTarget && sorted[active]) onOpen?.(sorted[active]);
    else return;
    event.preventDefault();
  };
  if (rows.length === 0) return <div class="empty">{empty}</div>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="scroller" ref={scroller} tabIndex={0} aria-label={label} onKeyDown={onKeyDown}>
      <table aria-rowcount={sorted.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Head key={column.id} column={column} />
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Space pixels={above} />}
          {items.map(({ index }) => {
            const row = sorted[index];
            if (row === undefined) return null;
            const id = idOf(row);
            return (
              <tr
                key={id}
                class={index === active ? 'active' : ''}
                aria-rowindex={index + 2}
                aria-current={id === current ? 'true' : undefined}
                onClick={() => {
                  setActive(index);
                  onOpen?.(row);
                }}
              >
                {columns.map(({ id: name, cell, isNumber, isWide }) => (
                  <td key={name} class={classOf(isNumber, isWide)}>
                    {cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          {below > 0 && <Space pixels={below} />}
        </tbody>
      </table>
    </section>
  );
}

function Head<Row>({ column: { id, title, order, isNumber, isWide } }: { column: Column<Row> }) {
  const { sort } = route.value;
  const direction = sort === id ? 'ascending' : sort === `-${id}` ? 'descending' : undefined;
  return (
    <th scope="col" class={classOf(isNumber, isWide)} aria-sort={direction}>
      {order === undefined ? (
        title
      ) : (
        <button type="button" onClick={() => go({ sort: direction === 'ascending' ? `-${id}` : id })}>
          {title}
          <span aria-hidden="true">{direction === undefined ? '' : direction === 'ascending' ? ' ▲' : ' ▼'}</span>
        </button>
      )}
    </th>
  );
}

function Space({ pixels }: { pixels: number }) {
  return (
    <tr class="space">
      <td style={{ height: `${pixels}px` }} />
    </tr>
  );
}

function classOf(isNumber = false, isWide = false): string {
  return `${isNumber ? 'number' : ''}${isWide ? ' wide' : ''}`.trim();
}

function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): readonly Row[] {
  const { sort } = route.value;
  const isDown = sort.startsWith('-');
  const order = columns.find(({ id }) => id === sort.replace(/^-/, ''))?.order;
  if (order === undefined) return rows;
  const keyed = rows.map((row) => [order(row), row] as const);
  keyed.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0) * (isDown ? -1 : 1));
  return keyed.map(([, row]) => row);
}

function useVirtualizer(scroller: { readonly current: HTMLDivElement | null }, count: number) {
  const [, draw] = useReducer((times: number) => times + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PIXELS,
    overscan: ROWS_AROUND,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => draw(undefined as never),
    initialRect: { width: 800, height: 600 },
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLDivElement, HTMLTableRowElement>(options));
  virtualizer.setOptions(options);
  useEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return virtualizer;
}

/** Rows as a file of comma-separated values, for other programs. */
export function saveCsv(name: string, head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const quoted = (value: string | number) => `"${String(value).replaceAll('"', '""')}"`;
  // A value that begins like a formula would be one in a spreadsheet.
  const safe = (value: string | number) => quoted(/^[=+\-@\t\r]/.test(String(value)) ? `'${value}` : value);
  const text = [head.map(quoted), ...rows.map((row) => row.map(safe))].map((row) => row.join(',')).join('\r\n');
  const anchor = document.createElement('a');
  anchor.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1_000);
}
