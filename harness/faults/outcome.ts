/** How far a run of one kind has come. */
export interface Progress {
  /** Strikes that happened, and were looked at. */
  readonly strikes: number;
  /** What was found, as lines. */
  readonly found: readonly string[];
  readonly isInterrupted: boolean;
}

/** What can be said of a run, and whether it has shown what it was started for. */
export interface Outcome {
  readonly words: string;
  readonly isShown: boolean;
}

/** A server has kept its word only when something struck it, nothing was found, and nobody cut the run short. */
export function outcomeOf({ strikes, found, isInterrupted }: Progress): Outcome {
  if (found.length > 0) return { words: `FAILED\n${found.join('\n')}`, isShown: false };
  if (strikes === 0) return { words: 'nothing was shown: nothing struck', isShown: false };
  const soFar = `interrupted: nothing was found in ${strikes} ${strikes === 1 ? 'strike' : 'strikes'}`;
  return isInterrupted ? { words: soFar, isShown: false } : { words: 'kept its word', isShown: true };
}
