import type { Duplex } from 'node:stream';

/** What is known about a connection to a peer. */
export interface PeerFacts {
  /** Names the connection, the same at both ends and in `getConnection`. */
  readonly connectionId: string;
  readonly peerCvid: number;
  /**
   * From one end to the other, encrypted between them; or through the server, which can read it. A relayed one may become
   * direct: the event `path` tells so, with the new {@link PathFacts}.
   */
  readonly path: PathFacts['path'];
  /** Whether the peer asked for it. */
  readonly incoming: boolean;
  /** As it was measured when the path was chosen. Undefined: the other end measured it. */
  readonly roundTripMs: PathFacts['roundTripMs'];
}

/** How the bytes of a connection go. */
export interface PathFacts {
  readonly path: 'direct' | 'relayed';
  readonly roundTripMs: number | undefined;
}

/**
 * A connection to a peer: bytes in order, both ways, each of which can be ended alone. Whoever has it destroys it or ends
 * both of its ways; its link is reported lost then. It errs when the path is found dead.
 */
export type PeerStream = Duplex & PeerFacts;
