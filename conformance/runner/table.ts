import type { Case } from './case.js';
import type { Outcome } from './player.js';

const MARKS: Readonly<Record<Outcome['kind'], string>> = { passed: '✓', skipped: '–', failed: '✗' };

/** Cases × testees, as Markdown. */
export function markdownTable(cases: readonly Case[], results: ReadonlyMap<string, readonly Outcome[]>): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const names = [...results.keys()];
  const rows = cases.map(({ name }, at) => row([name, ...names.map((one) => MARKS[results.get(one)![at].kind])]));
  return [row(['case', ...names]), row(['---', ...names.map(() => '---')]), ...rows].join('\n');
}

/** How many cases came to what. */
export function countOf(outcomes: readonly Outcome[]): string {
  const count = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind).length;
  return `${count('passed')} passed, ${count('skipped')} skipped, ${count('failed')} failed`;
}

/** A document in which the table of cases, and the counts below it, are those of a run. Throws when the document has no such table. */
export function replaceTable(
  document: string,
  cases: readonly Case[],
  results: ReadonlyMap<string, readonly Outcome[]>,
) {
  const table = /^\| case \|.*\n(?:\|.*\n)+(?:\n(?:[^\n|]+: \d+ passed, .*\n)+)?/m;
  if (!table.test(document)) throw new Error('there is no table of cases');
  const counts = [...results].map(([name, outcomes]) => `${name}: ${countOf(outcomes)}.`).join('\n');
  return document.replace(table, () => `${markdownTable(cases, results)}\n\n${counts}\n`);
}
