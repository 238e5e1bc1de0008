/** The servers of the network, as clients are told of them. */
export interface Neighbours {
  /** HOST:PORT, this one's too. The same array for as long as they are the same. */
  readonly addresses: readonly string[];
  /** The same without this one's. */
  readonly others: readonly string[];
  /** How many sessions are attached at one server by the mean; undefined: there is no other that clients may go to. */
  readonly meanAttached: number | undefined;
}

/** A server alone: nothing is said of addresses. */
export const NO_NEIGHBOURS: Neighbours = { addresses: [], others: [], meanAttached: undefined };
