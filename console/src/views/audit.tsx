import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { wordsOf } from '../actions.js';
import { AuditTrail, NEWEST } from '../model/audit.js';
import { follow } from '../net/follow.js';
import { METHODS } from '../net/methods.js';
import { CODE, type RefusedError } from '../net/refusal.js';
import { matchLines } from '../query.js';
import { go, route } from '../route.js';
import { link } from '../state.js';
import { count, many, printable } from '../text.js';
import type { AuditLine } from '../wire/audit-messages.js';
import { MayNotSee } from './administrators.js';
import { type Column, saveCsv, Table } from './table.js';

/** What the page has of the log. It stays while other views are open, and goes on from there. */
const trail = signal(new AuditTrail());
const refusal = signal<RefusedError | undefined>(undefined);
/** Refusals that asking again does not change, and that would each be a line of the log. */
const FINAL: ReadonlySet<number> = new Set([CODE.permissionDenied, CODE.unauthenticated, CODE.unimplemented]);
const OUTCOMES = ['', 'ok', 'refused'] as const;

const COLUMNS: readonly Column<AuditLine>[] = [
  { id: 'number', title: 'Number', cell: ({ number }) => number, order: ({ number }) => number, isNumber: true },
  { id: 'at', title: 'When', cell: ({ at }) => <time dateTime={at}>{whenWord(at)}</time>, order: ({ at }) => at },
  { id: 'who', title: 'Who', cell: ({ who }) => printable(who), order: ({ who }) => who },
  { id: 'what', title: 'What', cell: ({ what }) => printable(what), order: ({ what }) => what },
  { id: 'on', title: 'On', cell: ({ on }) => printable(on) || '–', order: ({ on }) => on, isWide: true },
  {
    id: 'outcome',
    title: 'Outcome',
    cell: ({ outcome }) => <span class={outcome === 'ok' ? 'good' : 'problem'}>{printable(outcome)}</span>,
    order: ({ outcome }) => outcome,
  },
  {
    id: 'count',
    title: 'Times',
    cell: ({ count: times }) => count(times),
    order: ({ count: times }) => times,
    isNumber: true,
    isWide: true,
  },
  { id: 'from', title: 'From', cell: ({ from }) => printable(from) || '–', order: ({ from }) => from, isWide: true },
];

/** Who did what to whom: the server's audit log, as it is written. */
export function AuditView() {
  const isAllowed = link.allows('audit.read');
  useEffect(() => {
    if (!isAllowed) return;
    return follow({
      link,
      method: METHODS.watchAudit,
      request: (after: number | undefined) => (after === undefined ? { newest: NEWEST } : { after }),
      position: () => trail.peek().last,
      told: (message) => {
        trail.value = trail.peek().with(message);
      },
      stopped: (why) => {
        refusal.value = why;
      },
      forget: () => {
        trail.value = new AuditTrail();
      },
      // A log that is shorter than what the page has is another log.
      isPast: ({ code, reason }) => code === CODE.invalidArgument && reason === 'FIELD_INVALID',
      isFinal: ({ code }) => FINAL.has(code),
    });
  }, [isAllowed]);
  if (!isAllowed) return <MayNotSee what="the audit log" needs="audit.read" />;
  return <AuditTable />;
}

function AuditTable() {
  const { reason: outcome, q } = route.value;
  const { matcher, problem } = matchLines(q, FIELDS);
  const { lines, breaks, end } = trail.value;
  const isAsked = ({ outcome: came }: AuditLine) => outcome === '' || (came === 'ok') === (outcome === 'ok');
  const rows = lines.filter((line) => isAsked(line) && matcher(fieldsOf(line))).reverse();
  return (
    <div class="view">
      <div class="bar">
        <h1>Audit</h1>
        <p>
          {rows.length === lines.length ? many(rows.length, 'line') : `${count(rows.length)} of ${count(lines.length)}`}
        </p>
        <fieldset class="chips">
          <legend class="hidden">Only with the outcome</legend>
          {OUTCOMES.map((one) => (
            <button type="button" key={one} aria-pressed={outcome === one} onClick={() => go({ reason: one })}>
              {one === '' ? 'all' : one}
            </button>
          ))}
        </fieldset>
        <button type="button" onClick={() => save(rows)}>
          Save as CSV
        </button>
        {refusal.value !== undefined && (
          <p class="problem" role="alert">
            {wordsOf(refusal.value)}
          </p>
        )}
        {problem !== '' && <p class="problem">{problem}</p>}
        {breaks.map(({ number, kind }) => (
          <p class="problem" key={`${kind} ${number}`}>
            {kind === 'gap'
              ? `Lines before ${count(number)} are missing: the server does not keep them any more.`
              : `Line ${count(number)} does not follow the one before it: the log was changed. Run switchyard audit verify.`}
          </p>
        ))}
      </div>
      <Table
        label="Audit log"
        columns={COLUMNS}
        rows={rows}
        idOf={({ number }) => number}
        empty={<p>{emptyWord(lines.length, end)}</p>}
      />
    </div>
  );
}

function emptyWord(lines: number, end: number | undefined): string {
  if (lines > 0) return 'No line matches the query.';
  if (refusal.value !== undefined) return 'There is nothing to show.';
  return end === undefined ? 'Reading …' : 'Nothing has been done yet that the log is for.';
}

const FIELDS = ['who', 'from', 'what', 'on', 'outcome'] as const;

function fieldsOf({ who, from, what, on, outcome }: AuditLine): Readonly<Record<string, string>> {
  return { who, from, what, on, outcome };
}

/** Date and time of day, by the page's clock; what cannot be read stands as it came. */
function whenWord(at: string): string {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? printable(at) : new Date(ms).toLocaleString('en-GB').replace(',', '');
}

function save(rows: readonly AuditLine[]): void {
  saveCsv(
    'audit.csv',
    ['number', 'at', 'who', 'from', 'what', 'on', 'outcome', 'count'],
    rows.map(({ number, at, who, from, what, on, outcome, count: times }) => {
      return [number, at, who, from, what, on, outcome, times];
    }),
  );
}
