/** Every bound of a punch, with its reason; its times are in `core/model/connection-times.ts`. */
export const PUNCH_LIMITS = {
  /** Candidates of one side; more are not looked at. The server takes no more by default. */
  candidatesMax: 16,
  /** Addresses of own interfaces that become candidates: one of each kind of network that people have. */
  hostAddressesMax: 4,
  /** Dials of one pair in one attempt: as many as fit into it. */
  redialsMax: 50,
  /** Connections that wait for this end's own order to arrive; the peer dials as many as it has candidates for. */
  acceptedMax: 16,
  /** Addresses that checks are sent to: the peer's candidates, and as many that it turned out to come from. */
  checkedMax: 32,
  /** Streams on which a UDP attempt tries TLS: the first that is open is nearly always it. */
  streamsMax: 4,
  /**
   * Connections that came on which TLS is tried at once: a handshake costs a millisecond of processor, and a stranger may dial too.
   * Twice as many as a peer has candidates.
   */
  strangersMax: 32,
  /** Pairs that the server takes of one attempt. */
  pairsMax: 32,
  /** Questions without an answer after which a path is dead: as many as Node sets for TCP. */
  aliveTriesMax: 10,
} as const;
