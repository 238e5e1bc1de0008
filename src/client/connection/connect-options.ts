import { ConnectionFallback } from '../../../gen/switchyard/v1/connection.js';

/** How a peer is to be reached. */
export interface ConnectOptions {
  /** What the direct path is made of. Default: `tcp`. `udp` needs the package udx-native. */
  readonly transport?: 'tcp' | 'udp' | undefined;
  /**
   * Whether and when it goes through the server. `immediate`, the default: at once, so that it can be used within a few round
   * trips; a direct path is looked for meanwhile, and it moves there when one is found, which the event `path` tells. `late`:
   * when three attempts to find a direct path have failed. `none`: never; when these have failed, so has the connection. With a
   * peer or a server before 0.2.0 `immediate` is as `late`.
   */
  readonly fallback?: 'immediate' | 'late' | 'none' | undefined;
  /**
   * When a connection that goes through the server is first tried again for a direct path; later tries wait twice as long
   * each. Default: 5,000. Infinity: it stays relayed.
   */
  readonly upgradeAfterMs?: number | undefined;
  /** Never directly: this end offers no address and dials none, so that the data goes through the server. Default: false. */
  readonly relayOnly?: boolean | undefined;
  /**
   * Ids of keys (SHA-256, 64 hexadecimal digits), of which one has to endorse the peer's key for this connection: a server that lies about
   * who the peer is, or about its key, is found out, and `connect` rejects with an {@link UnendorsedPeerError}. Absent: the server is
   * believed.
   */
  readonly pins?: readonly string[] | undefined;
  /** Gives up; what is being made is cancelled at both ends. */
  readonly signal?: AbortSignal | undefined;
}

/** The numbers of `fallback`. */
export const FALLBACKS = {
  immediate: ConnectionFallback.IMMEDIATE,
  late: ConnectionFallback.LATE,
  none: ConnectionFallback.NONE,
} as const;
