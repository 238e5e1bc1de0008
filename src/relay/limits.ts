/** Every bound of the relay, by count and by size, each with its reason. */
export interface RelayLimits {
  /** Bytes of blocks held for one stream's slowest sink: what a 100 Mbit/s path has on its way in 160 ms, doubled. */
  readonly windowBytesMax: number;
  /** Blocks held for one stream: tiny blocks cost their objects, not their bytes. */
  readonly windowBlocksMax: number;
  /** Bytes of blocks held in all streams together; beyond its part of that the sources of a network wait (`relayed-bytes.ts`). */
  readonly totalBytesMax: number;
  /** How long a sink may take nothing while blocks wait for it, before it is cut off. */
  readonly sinkStallMs: number;
  /** How long a server is waited for that has the channel of a sink's stream, or a sink at it, before its call is given up. */
  readonly peerDownMs: number;
}

/** The bounds of a server that was not told otherwise. */
export const DEFAULT_RELAY_LIMITS: RelayLimits = {
  windowBytesMax: 4 * 1_048_576,
  windowBlocksMax: 4_096,
  totalBytesMax: 256 * 1_048_576,
  sinkStallMs: 30_000,
  peerDownMs: 10_000,
};
