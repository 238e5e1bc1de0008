import { isOver } from '../model/connection.js';
import { capture, type Row, rowsOf } from './snapshot.js';
import type { StateView } from './state-view.js';

/**
 * A state as text: equal states give equal text, byte for byte, on any machine and whatever way they came about.
 *
 * One row a line, as JSON with its keys in order, the lines sorted. Where the order of rows decides what comes next (which
 * order is given first, which ended session is forgotten first), the row says its place; elsewhere a state has no order.
 * For comparing replays of one journal; a snapshot is stored by the journal's own, shorter format.
 */
export function canonical(state: StateView): string {
  return [...canonicalLines(state)].sort().join('\n');
}

/** The lines of {@link canonical}, each another, in no order that means anything. */
export function* canonicalLines(state: StateView): Iterable<string> {
  const places = new Map<string, number>();
  for (const row of rowsOf(capture(state))) {
    const queue = queueOf(row);
    const place = queue === undefined ? undefined : (places.get(queue) ?? 0);
    if (queue !== undefined) places.set(queue, place! + 1);
    yield written({ ...comparable(row), place });
  }
}

/** A row without what a snapshot of format 1 leaves out: that is kept for answers to late callers, and decides nothing. */
function comparable(row: Row): object {
  if (row.kind !== 'ended') return row;
  const { tokenCheck: _, ...ended } = row;
  return ended;
}

/** The sequence that a row has a place in, if it has one. */
function queueOf(row: Row): string | undefined {
  switch (row.kind) {
    case 'order':
      return `order ${row.order.sid}`;
    case 'settled':
      return `settled ${row.sid}`;
    case 'connection':
      return isOver(row.connection) ? 'connections that are over' : undefined;
    case 'request':
      return 'requests';
    case 'ticket':
      return 'tickets';
    case 'anchors':
      return 'anchors';
    case 'ended':
      return 'ended';
    case 'meta':
    case 'limits':
    case 'server':
    case 'session':
    case 'link':
    case 'report':
    case 'stream':
    case 'identity':
    case 'policy':
      return undefined;
    default:
      throw new Error(`neither with a place nor without: ${JSON.stringify(row satisfies never)}`);
  }
}

/** A value as JSON, an object's keys sorted and those that hold nothing left out. */
function written(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(written).join()}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([x], [y]) => (x < y ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${written(field)}`).join()}}`;
}
