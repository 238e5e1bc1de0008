import type { Curve } from '../benches/curve.js';
import { dot, drawing, line, polyline, text } from './drawing.js';
import { linear, logarithmic, type Scale, steps } from './scale.js';

const WIDTH = 720;
const HEIGHT = 320;
const LEFT = 70;
const RIGHT = 20;
const TOP = 56;
const BOTTOM = 46;
/** Beyond so many points a line says all, and dots only hide it. */
const DOTS_MAX = 20;

/** A curve as a drawing. */
export function plotCurve(curve: Curve): string {
  const points = curve.series.flatMap((series) => series.points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const across = curve.xScale === 'log' ? logarithmic(xs) : curve.xScale === 'percentile' ? steps(xs) : linear(xs);
  const up = curve.yScale === 'log' ? logarithmic(ys) : linear(ys);
  const x = (value: number) => LEFT + across.at(value) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - up.at(value) * (HEIGHT - TOP - BOTTOM);
  const lines = curve.series.flatMap((series, at) => {
    const placed = series.points.map(([one, other]) => [x(one), y(other)] as const);
    const dots = placed.length > DOTS_MAX ? [] : placed.map(([px, py]) => dot(px, py, 3, `f${at}`));
    return [polyline(placed, `s${at}`), ...dots];
  });
  return drawing(WIDTH, HEIGHT, curve.what, [
    text(LEFT, 18, curve.what, { kind: 'title' }),
    ...legend(curve),
    ...axes(across, up, x, y),
    text(WIDTH - RIGHT, HEIGHT - 8, curve.x, { anchor: 'end', kind: 'quiet' }),
    text(8, TOP - 10, curve.y, { kind: 'quiet' }),
    ...lines,
  ]);
}

function axes(across: Scale, up: Scale, x: (value: number) => number, y: (value: number) => number): string[] {
  const floor = HEIGHT - BOTTOM;
  return [
    ...up.ticks.flatMap(({ value, label }) => [
      line(LEFT, y(value), WIDTH - RIGHT, y(value), 'grid'),
      text(LEFT - 8, y(value) + 4, label, { anchor: 'end', kind: 'quiet' }),
    ]),
    line(LEFT, floor, WIDTH - RIGHT, floor, 'axis'),
    ...across.ticks.flatMap(({ value, label }) => [
      line(x(value), floor, x(value), floor + 4, 'axis'),
      text(x(value), floor + 18, label, { anchor: 'middle', kind: 'quiet' }),
    ]),
  ];
}

/** From the right, so that it does not meet the name of the axis. */
function legend({ series }: Curve): string[] {
  if (series.length === 1) return [];
  let right = WIDTH - RIGHT;
  return series
    .map((one, at) => ({ name: one.name, at }))
    .reverse()
    .flatMap(({ name, at }) => {
      const words = text(right, TOP - 18, name, { anchor: 'end' });
      right -= 7 * name.length + 12;
      const mark = dot(right, TOP - 22, 4, `f${at}`);
      right -= 18;
      return [words, mark];
    });
}
