import type { Curve } from '../benches/curve.js';
import { type Figure, isMet } from '../figure.js';
import { type Part, type Result, wasQuiet } from '../results.js';
import type { Row } from '../row.js';
import { GOALS, type Goal } from './goals.js';
import { plain } from './scale.js';
import { SESSION_COST } from './session-cost.js';

/** A drawing that the page shows, by the name of its file. */
export interface Plot {
  readonly file: string;
  readonly title: string;
}

/** docs/performance.md, of what was measured. */
export function performancePage(parts: readonly Part[], plots: readonly Plot[]): string {
  return `# Performance

What Switchyard does beside others, in alternating rounds of one run: first ours, then the rival's, again and again on one
machine. A figure is the median of its rounds; in parentheses are the least and the greatest. Where there is a rival, only
the ratio travels to other machines.

<!-- not run: it takes hours; test/harness/bench runs the parts in small -->
\`\`\`sh
npm run bench -- --output docs/performance/results.json && npm run bench:report
\`\`\`

measures all of it and makes this page and its plots of [results.json](performance/results.json); \`npm run bench -- --help\`
lists the parts, of which \`paths\` runs several by one name: what connections take and carry.
Rivals are etcd and nats-server as Debian has them, graphology, and a server that anybody would write first: bare grpc-js with generated stubs ([source](../harness/bench/rivals/bare-server.ts)).

## Goals

${aligned([['what', 'goal', 'measured', '', 'what it says'], ...GOALS.map((goal) => cellsOf(goal, parts))])}

${SESSION_COST}

## Plots

${plots.map(({ file, title }) => `![${title}](performance/${file})`).join('\n\n')}

## All figures

${parts
  .filter(({ results }) => results.length > 0)
  .map((part) => `### ${part.bench}\n\n${figuresOf(part)}`)
  .join('\n\n')}

## How they were taken

${aligned([
  ['bench', 'when', 'rounds', 'took', 'used by others', 'machine'],
  ...parts.map((part) => [
    part.bench,
    part.at.slice(0, 16).replace('T', ' '),
    String(part.rounds),
    `${part.tookSeconds} s`,
    `${part.othersPercent} %`,
    part.machine,
  ]),
])}

${remarks(parts)}
`;
}

/** What has to be known about the figures before they are believed. */
function remarks(parts: readonly Part[]): string {
  const lines = [];
  const shared = parts.filter((part) => !wasQuiet(part)).map(({ bench }) => bench);
  if (shared.length > 0) {
    lines.push(
      `Others were at work on the machine during ${shared.join(', ')}: there, what is measured in wall time (calls/s, ms) is a ` +
        'lower bound, ratios to rivals and CPU time say more.',
    );
  }
  for (const { bench, failed } of parts)
    if (failed !== undefined) lines.push(`The last run of ${bench} failed: ${failed}.`);
  return lines.length === 0 ? 'Nobody else was at work on the machine.' : lines.join('\n\n');
}

function cellsOf(goal: Goal, parts: readonly Part[]): string[] {
  const found = findResult(goal, parts);
  if (found === undefined) return [goal.what, goal.goal, '–', 'not measured', goal.note];
  const met = 'ratio' in found ? found.goal !== undefined && found.ratio >= found.goal : isMet(found) === true;
  const why = met || goal.missed === undefined ? goal.note : `${goal.note} ${goal.missed}`;
  return [goal.what, goal.goal, measuredText(found, goal.isShare), met ? 'met' : '**missed**', why];
}

/** The result that a goal is about. */
export function findResult(goal: Goal, parts: readonly Part[]): Row | Figure | undefined {
  const part = parts.find(({ bench }) => bench === goal.bench);
  return part?.results.find((result): result is Row | Figure => {
    if ('series' in result || result.what !== goal.result) return false;
    if (goal.unit !== undefined && result.unit !== goal.unit) return false;
    return goal.rivalName === undefined || ('rivalName' in result && result.rivalName === goal.rivalName);
  });
}

/** A result in a few words. */
export function measuredText(found: Row | Figure, isShare = false): string {
  return 'ratio' in found ? ratioText(found, isShare) : figureText(found);
}

function ratioText({ ours, rival, unit, ratio, spread }: Row, isShare: boolean): string {
  const shown = (one: number) => plain(isShare ? 1 / one : one);
  const [least, greatest] = isShare ? [spread[1], spread[0]] : spread;
  return `× ${shown(ratio)} (${shown(least)}–${shown(greatest)}): ${plain(ours)} beside ${plain(rival)} ${unit}`;
}

function figureText({ value, unit, spread }: Figure): string {
  const between = spread === undefined ? '' : ` (${plain(spread[0])}–${plain(spread[1])})`;
  return `${plain(value)} ${unit}${between}`;
}

function figuresOf({ results }: Part): string {
  const rows = results.flatMap((result: Exclude<Result, Curve> | Curve) => {
    if ('series' in result) return [];
    if ('value' in result) return [[result.what, figureText(result), '', '']];
    const { what, ours, unit, rivalName, rival, ratio, spread } = result;
    const between = `× ${plain(ratio)} (${plain(spread[0])}–${plain(spread[1])})`;
    return [[what, `${plain(ours)} ${unit}`, `${rivalName}: ${plain(rival)}`, between]];
  });
  const head = ['what', 'Switchyard', 'rival', 'times better'];
  const hasRivals = rows.some((cells) => cells[2] !== '');
  return aligned([head, ...rows].map((cells) => (hasRivals ? cells : cells.slice(0, 2))));
}

/** A table whose columns stand under each other in the source, too. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, at) => Math.max(3, ...rows.map((cells) => cells[at].length)));
  const lineOf = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [lineOf(rows[0]), rule, ...rows.slice(1).map(lineOf)].join('\n');
}
