import { CLOSE_REASONS } from '../model/instance.js';
import { go, route } from '../route.js';
import { type ClosedSession, closed, query } from '../state.js';
import { count, printable, spanWord, timeWord } from '../text.js';
import { Sparkline } from './sparkline.js';
import { type Column, Table } from './table.js';

const COLUMNS: readonly Column<ClosedSession>[] = [
  { id: 'when', title: 'When', cell: ({ atMs }) => timeWord(atMs), order: ({ atMs }) => atMs },
  { id: 'name', title: 'Name', cell: ({ name }) => printable(name) || '–', order: ({ name }) => name.toLowerCase() },
  { id: 'sid', title: 'SID', cell: ({ sid }) => sid, order: ({ sid }) => sid, isNumber: true },
  {
    id: 'reason',
    title: 'Reason',
    cell: ({ reason }) => <span class={`reason ${reason}`}>{reason}</span>,
    order: ({ reason }) => reason,
  },
  {
    id: 'lived',
    title: 'Lived',
    cell: ({ livedMs }) => (livedMs === undefined ? '–' : spanWord(livedMs)),
    order: ({ livedMs }) => livedMs ?? 0,
    isNumber: true,
  },
];
const NO_LINKS = { size: 0 };
const BUCKET_MS = 10_000;
const BUCKETS = 60;

/** Sessions that have ended since the page was opened, and why. */
export function ClosedView() {
  const { reason } = route.value;
  const { matcher } = query.value;
  const all = closed.value;
  const rows = all.filter((line) => {
    if (reason !== '' && line.reason !== reason) return false;
    // It has no links any more, and no attachment.
    return matcher === undefined || matcher({ ...line, links: NO_LINKS }, { isAttached: () => false });
  });
  const numberOf = (one: string) => all.filter((line) => line.reason === one).length;
  return (
    <div class="view">
      <div class="bar">
        <h1>Closed</h1>
        <p>{count(rows.length)} since this page was opened</p>
        <fieldset class="chips">
          <legend class="hidden">Only with the reason</legend>
          {['', ...CLOSE_REASONS.slice(1, 5)].map((one) => (
            <button type="button" key={one} aria-pressed={reason === one} onClick={() => go({ reason: one })}>
              {one === '' ? 'all' : one} <span class="muted">{one === '' ? all.length : numberOf(one)}</span>
            </button>
          ))}
        </fieldset>
        <Sparkline values={rates(rows)} label="sessions that ended, in each 10 s of the last 10 minutes" />
      </div>
      <Table
        label="Closed sessions"
        columns={COLUMNS}
        rows={rows}
        idOf={({ id }) => id}
        empty={
          <p>
            {all.length === 0
              ? 'No session has ended since this page was opened.'
              : 'No session has ended that matches the query.'}
          </p>
        }
      />
    </div>
  );
}

function rates(rows: readonly ClosedSession[]): number[] {
  const nowMs = Date.now();
  const counts = new Array<number>(BUCKETS).fill(0);
  for (const { atMs } of rows) {
    const age = Math.floor((nowMs - atMs) / BUCKET_MS);
    if (age < BUCKETS) counts[BUCKETS - 1 - age]!++;
  }
  return counts;
}
