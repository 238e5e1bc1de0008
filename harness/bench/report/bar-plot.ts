import type { Figure } from '../figure.js';
import { bar, drawing, line, text } from './drawing.js';
import { linear, plain } from './scale.js';

const WIDTH = 720;
const LEFT = 300;
const RIGHT = 70;
const TOP = 40;
const ROW = 30;

/** Figures of one unit as bars, each with its bound as a dashed mark. */
export function plotBars(title: string, figures: readonly Figure[]): string {
  const bounds = figures.map(({ goal }) => (goal === undefined ? 0 : Number(goal.split(' ')[1])));
  const scale = linear([...figures.map(({ value }) => value), ...bounds]);
  const x = (value: number) => LEFT + scale.at(value) * (WIDTH - LEFT - RIGHT);
  const height = TOP + figures.length * ROW + 28;
  const grid = scale.ticks.flatMap(({ value, label }) => [
    line(x(value), TOP - 8, x(value), height - 24, 'grid'),
    text(x(value), height - 8, label, { anchor: 'middle', kind: 'quiet' }),
  ]);
  const bars = figures.flatMap(({ what, value, unit }, at) => {
    const y = TOP + at * ROW;
    const mark = bounds[at] === 0 ? [] : [line(x(bounds[at]), y - 3, x(bounds[at]), y + 21, 'goal')];
    return [
      text(LEFT - 12, y + 13, what, { anchor: 'end' }),
      bar(LEFT, y, x(value) - LEFT, 18, 'f0'),
      ...mark,
      text(WIDTH - RIGHT + 12, y + 13, `${plain(value)} ${unit}`, { kind: 'quiet' }),
    ];
  });
  return drawing(WIDTH, height, title, [text(12, 20, title, { kind: 'title' }), ...grid, ...bars]);
}
