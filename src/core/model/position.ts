/**
 * Where the network stands: how many commands of which journal have been applied.
 *
 * The API's `switchyard.v1.Position`. Positions of one epoch are ordered by revision; across epochs there is no order.
 */
export interface Position {
  /** Names the journal; drawn at random when the journal is made, at most 32 bytes. */
  readonly epoch: string;
  /** How many commands were applied, from 1. A safe integer. */
  readonly revision: number;
}
