/** Three numbers that a step was planned with. */
export type Picks = readonly [number, number, number];

/** One kind of thing that can be done in a place: a whole world, or only a fleet. Impossible at that moment means that nothing is done. */
export interface StepKind<Place> {
  /** How often it comes, beside the others. */
  readonly weight: number;
  act(place: Place, picks: Picks): void;
}

/** One of several, by a planned number; undefined when there is none. */
export function nth<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % items.length];
}

/** A span of time between two bounds, by a planned number; short ones as often as long ones, however far apart. */
export function spanMs(lowMs: number, highMs: number, pick: number): number {
  return lowMs * (highMs / lowMs) ** ((pick % 4_096) / 4_096);
}
