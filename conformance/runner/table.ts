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
