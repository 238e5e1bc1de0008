import type { Duplex } from 'node:stream';

/** What is known about a connection to a peer. */
export interface PeerFacts {
  /** Names the connection, the same at both ends and in `getConnection`. */
  readonly connectionId: string;
  readonly peerCvid: number;
  /**
   * From one end to the other, or through the server. A relayed one may become direct, and a direct one relayed when its path dies: the
   * event `path` tells so, with the new {@link PathFacts}.
   */
  readonly path: PathFacts['path'];
  /**
   * Whether it is encrypted between the two ends, so that the server cannot read it: always on a direct path, and through the
   * server when both ends are of 0.2.0 or later and so is the server.
   */
  readonly endToEnd: PathFacts['endToEnd'];
  /** Whether the peer asked for it. */
  readonly incoming: boolean;
  /** As it was measured when the path was chosen. Undefined: the other end measured it. */
  readonly roundTripMs: PathFacts['roundTripMs'];
}

/** How the bytes of a connection go. */
export interface PathFacts {
  readonly path: 'direct' | 'relayed';
  readonly roundTripMs: number | undefined;
  readonly endToEnd: boolean;
}

/**
 * A connection to a peer: bytes in order, both ways, each of which can be ended alone. Whoever has it destroys it or ends
 * both of its ways; its link is reported lost then. It errs when the path is found dead and
 * there is no way back.
 */
export type PeerStream = Duplex & PeerFacts;
