/**
 * Whether clients should come to a server. `leaderless`: as far as it knows nobody leads, so that no other server is better off.
 * `behind`: others lead and serve, and this one does not hear of it.
 */
export type Readiness = 'ready' | 'leaderless' | 'behind';

/** What a follower knows. */
export interface Hearsay {
  /** Whether the leader has answered lately. */
  readonly isHeard: boolean;
  /** Whether the log was read to its end lately. */
  readonly isCurrent: boolean;
  /** Whether somebody led when it was. */
  readonly isLed: boolean;
}

/** Whether clients should come to a follower. */
export function readinessOf({ isHeard, isCurrent, isLed }: Hearsay): Readiness {
  if (isHeard && isCurrent) return 'ready';
  // Where nothing is heard of the store either, the others are likely no better off: a balancer must not empty all of them.
  return !isHeard && (!isCurrent || !isLed) ? 'leaderless' : 'behind';
}
