/** One line of a plot. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Figures that say something only together: how one grows with another. */
export interface Curve {
  readonly bench: string;
  readonly what: string;
  /** What stands at each axis, its unit last. */
  readonly x: string;
  readonly y: string;
  /** How values are laid out along an axis; evenly, unless it says. `percentile`: each given one a step. */
  readonly xScale?: 'log' | 'percentile';
  readonly yScale?: 'log';
  readonly series: readonly Series[];
}
