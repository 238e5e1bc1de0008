/** One figure beside a rival's, of alternating rounds of one run. */
export interface Row {
  /** Which bench it came from: `session`, `fanout`, … */
  readonly bench: string;
  readonly what: string;
  readonly rivalName: string;
  /** What both figures count, `calls/s` say. */
  readonly unit: string;
  /** Medians over the rounds. */
  readonly ours: number;
  readonly rival: number;
  /** Median of the rounds' own ratios; always better when it is larger. */
  readonly ratio: number;
  /** The least and the greatest of those ratios. */
  readonly spread: readonly [number, number];
  /** What the ratio should be at least, where there is a goal. */
  readonly goal?: number;
}

/** One round: both figures, taken right after each other. */
export interface Round {
  readonly ours: number;
  readonly rival: number;
}

/** The middle one; of an even count the upper. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[sorted.length >> 1];
}

/** Makes a row of rounds. `smallerIsBetter` turns the ratio round. */
export function rowOf(
  about: Pick<Row, 'bench' | 'what' | 'rivalName' | 'unit' | 'goal'>,
  rounds: readonly Round[],
  smallerIsBetter = false,
): Row {
  const ratios = rounds.map(({ ours, rival }) => (smallerIsBetter ? rival / ours : ours / rival));
  return {
    ...about,
    ours: median(rounds.map((round) => round.ours)),
    rival: median(rounds.map((round) => round.rival)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}
