import type { Row } from '../row.js';
import { dot, drawing, line, text } from './drawing.js';
import { logarithmic, plain } from './scale.js';

const WIDTH = 900;
const LEFT = 460;
const RIGHT = 70;
const TOP = 52;
const ROW = 36;

/** How many times better than each rival, with the spread of the rounds, and the goal as a dashed mark. */
export function plotRatios(rows: readonly Row[]): string {
  const all = rows.flatMap(({ spread, goal }) => [...spread, ...(goal === undefined ? [] : [goal])]);
  const scale = logarithmic([...all, 0.5, 10]);
  const x = (value: number) => LEFT + scale.at(value) * (WIDTH - LEFT - RIGHT);
  const height = TOP + rows.length * ROW + 30;
  const title = 'Times better than the rival (logarithmic); the line is the spread, dashed is the goal';
  const grid = scale.ticks.flatMap(({ value, label }) => [
    line(x(value), TOP - 8, x(value), height - 26, value === 1 ? 'axis' : 'grid'),
    text(x(value), height - 8, `× ${label}`, { anchor: 'middle', kind: 'quiet' }),
  ]);
  const lines = rows.flatMap(({ what, unit, rivalName, ratio, spread: [least, greatest], goal }, at) => {
    const y = TOP + at * ROW + ROW / 2;
    const label = `${what}, ${unit}`;
    const mark = goal === undefined ? [] : [line(x(goal), y - 9, x(goal), y + 9, 'goal')];
    return [
      text(LEFT - 12, y - 1, label, { anchor: 'end' }),
      text(LEFT - 12, y + 11, `beside ${rivalName}`, { anchor: 'end', kind: 'quiet' }),
      ...mark,
      line(x(least), y, x(greatest), y, 's0'),
      dot(x(ratio), y, 4, 'f0'),
      text(WIDTH - RIGHT + 12, y + 4, plain(ratio), { kind: 'quiet' }),
    ];
  });
  return drawing(WIDTH, height, title, [text(12, 20, title, { kind: 'title' }), ...grid, ...lines]);
}
