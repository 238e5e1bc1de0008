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
  readonly series: readonly Series[];
}
