import type { StrikeResult } from './trial.js';

/** A terminal's. */
const COLUMNS = 80;

interface Column {
  readonly heading: string;
  readonly value: (result: StrikeResult) => string;
}

const COLUMN_LIST: readonly Column[] = [
  { heading: 'times', value: ({ times }) => String(times) },
  { heading: 'answered', value: ({ answered }) => String(answered) },
  { heading: 'unknown', value: ({ unknown }) => String(unknown) },
  { heading: 'lost', value: ({ findings }) => String(findings.lost) },
  { heading: 'doubled', value: ({ findings }) => String(findings.doubled) },
  { heading: 'order', value: ({ findings }) => String(findings.disordered) },
  { heading: 'leases', value: ({ findings }) => String(findings.expired) },
  { heading: 'silent s', value: ({ silenceMs }) => (silenceMs / 1_000).toFixed(1) },
  { heading: 'back s', value: ({ backMs }) => (backMs / 1_000).toFixed(1) },
];
const NAME_CELLS = 8;

/** What came of every kind of strike, as a table that fits a terminal. */
export function tableOf(results: readonly StrikeResult[]): string {
  const cells = COLUMN_LIST.map(({ heading, value }) => {
    const values = results.map(value);
    const width = Math.max(heading.length, ...values.map(({ length }) => length));
    return [heading, ...values].map((text) => text.padStart(width));
  });
  const names = ['strike', ...results.map(({ strike }) => strike)];
  const lines = names.map((name, row) => [name.padEnd(NAME_CELLS), ...cells.map((column) => column[row])].join(' '));
  return lines.map((line) => line.slice(0, COLUMNS)).join('\n');
}
