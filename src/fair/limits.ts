/** The bounds of what waits for its turn, each with its reason. */
export interface TurnLimits {
  /**
   * How long one address goes on before others are served, in ms: short beside a round trip, and long enough that dealing
   * out the turns does not show.
   */
  readonly sliceMs: number;
  /**
   * The same while several addresses ask for something, in ms. A call passes some turns of the event loop until it is answered, in each
   * of which it waits for a slice of whoever floods.
   */
  readonly sharedSliceMs: number;
  /** Calls of one address that have come and not begun: as many as one connection may have at once. */
  readonly callsPerAddressMax: number;
  /** The same of all addresses: 12 KiB of HTTP/2 stream each. */
  readonly callsMax: number;
  /** Costly requests of one address that have begun and wait for their turn: a site's consoles, each with some. */
  readonly workPerAddressMax: number;
  /** The same of all addresses: requests that were read, and nothing of their answers. */
  readonly workMax: number;
  /**
   * Requests in all of which a part is done. A search through a million nodes holds 8 MiB while it rests, and one through
   * fewer less.
   */
  readonly unfinishedMax: number;
}

/** The bounds of every server. */
export const DEFAULT_TURN_LIMITS: TurnLimits = {
  sliceMs: 2,
  sharedSliceMs: 0.5,
  callsPerAddressMax: 16_384,
  callsMax: 65_536,
  workPerAddressMax: 256,
  workMax: 4_096,
  unfinishedMax: 32,
};
