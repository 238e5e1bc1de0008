/** What the admission of connections is bounded by, the same on every port. */
export interface AdmissionLimits {
  /**
   * How long a connection may take to show that it means this port (PROXY header, TLS, the preface of HTTP/2, the upgrade
   * to WebSocket), and how long it may stand in the places that are kept until it has shown a credential. Some round trips
   * of a slow radio.
   */
  readonly handshakeMs: number;
  /**
   * How often the deadlines of connections are looked at while there are some: a flood is met with one timer, not with one for
   * each connection. A deadline is kept to this. A look that comes late counts as two at most: time in which the process was
   * stopped is not its clients'.
   */
  readonly sweepMs: number;
  /**
   * Connections that the kernel holds until they are taken. A fleet that comes back at once fills Node's own 511, and
   * Linux drops whoever comes then: it tries again after 1, 3, 7, … seconds. Linux has 4,096 as its own bound.
   */
  readonly connectionsQueuedMax: number;
  /**
   * Connections of trusted proxies on one port whose PROXY header has not come yet. A proxy sends it with its first packet,
   * so more than this wait only for a proxy that does not speak the protocol. They have no place yet, because whose place
   * it would be is in the header.
   */
  readonly headersWaitingMax: number;
  /** How often at most one cause of refusals is logged for one door. */
  readonly reportMs: number;
  /** How often it is looked whether the process can still open a file or a socket. */
  readonly descriptorsMs: number;
  /**
   * How long a connection of HTTP/1.1 that was closed after its last answer is read on, until its client closes, too: some
   * round trips of a slow radio, and less than a silent connection is kept.
   */
  readonly lingerMs: number;
  /** How long its client may take for its last answers before that: 2 MiB, the largest, at 18 KiB/s. */
  readonly lastAnswerMs: number;
  /** Bytes that are read and dropped meanwhile: four of the largest requests of the web door. More resets the connection. */
  readonly lingerBytesMax: number;
}

/** The bounds of a server that was not told otherwise. */
export const ADMISSION_LIMITS: AdmissionLimits = {
  handshakeMs: 10_000,
  sweepMs: 250,
  connectionsQueuedMax: 4_096,
  headersWaitingMax: 1_024,
  reportMs: 10_000,
  descriptorsMs: 1_000,
  lingerMs: 2_000,
  lastAnswerMs: 120_000,
  lingerBytesMax: 4_194_304,
};

/** The places of one door. */
export interface PlaceLimits {
  /** In all. */
  readonly connectionsMax: number;
  /** For one address, or one /64 of IPv6. */
  readonly connectionsPerAddressMax: number;
  /** How many of all are kept for connections that show a credential; 0 at a door that asks for none. */
  readonly connectionsKept: number;
}

/**
 * The places of the metrics port: some collectors, each with a connection for one request, and somebody with a browser.
 * A connection costs a descriptor and some KiB, an answer about 50 KiB.
 * None is kept for connections with a credential: each ends with its one answer, or after `handshakeMs`, and one address has
 * a quarter at most, so a collector that tries again finds a place.
 */
export const METRICS_PLACES: PlaceLimits = {
  connectionsMax: 64,
  connectionsPerAddressMax: 16,
  connectionsKept: 0,
};

/** How many of so many places are kept for connections that show a credential: the last quarter. */
export function lastQuarter(connectionsMax: number): number {
  return Math.floor(connectionsMax / 4);
}
