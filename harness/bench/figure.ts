import { median } from './row.js';

/** A figure that has no rival but a bound. */
export interface Figure {
  readonly bench: string;
  readonly what: string;
  readonly unit: string;
  /** The median, where it was taken more than once. */
  readonly value: number;
  /** The least and the greatest of them then. */
  readonly spread?: readonly [number, number];
  /** `<= 32` or `>= 300000`. */
  readonly goal?: string;
}

/** Makes a figure of what was measured several times. */
export function figureOf(about: Omit<Figure, 'value' | 'spread'>, values: readonly number[]): Figure {
  const figure = { ...about, value: median(values) };
  return values.length < 2 ? figure : { ...figure, spread: [Math.min(...values), Math.max(...values)] };
}

/** Whether a figure keeps its bound; undefined when it has none. */
export function isMet({ value, goal }: Pick<Figure, 'value' | 'goal'>): boolean | undefined {
  if (goal === undefined) return undefined;
  const [relation, bound] = goal.split(' ');
  return relation === '<=' ? value <= Number(bound) : value >= Number(bound);
}
