/** Every bound of the door of system events, whatever the transport, by count and by size, each with its reason. */
export interface SystemLimits {
  /** Bytes of a packet: a block of the largest stream with its header. */
  readonly packetBytesMax: number;
  /** Bytes of unfinished packets on all connections together: what slow or hostile senders can make the server hold. */
  readonly partialBytesMax: number;
  /** Connections in all: an idle one costs some 10 KiB. */
  readonly connectionsMax: number;
  /** Connections from one address (of IPv6, from one /64): a site behind one NAT, and not one attacker. */
  readonly connectionsPerAddressMax: number;
  /** Packets per second that one connection may send, and as many at once. Data that a stream takes does not count. */
  readonly packetsPerSecondMax: number;
  /** How long a connection may be without a session: some round trips of a slow radio. */
  readonly handshakeMs: number;
  /** How long a packet may take from its first byte to its last. */
  readonly packetMs: number;
  /**
   * How long a client may say nothing at all, or take nothing of what waits for it: a peer that is gone without a word is
   * let go of then at the latest.
   */
  readonly idleMs: number;
  /** Requests of one connection that are being worked on; further ones are not read. */
  readonly requestsMax: number;
  /** Bytes that wait to be sent on one connection before nothing more is read from it, or taken from its watches. */
  readonly outBytesMax: number;
  /**
   * The same on all connections, a message of watches counted once for all that share it: five hundred clients that take
   * nothing at all. Beyond it the connection that holds most is cut off.
   */
  readonly outBytesInAllMax: number;
  /** Bytes that were read from one connection and wait for room: one read of a socket, doubled. */
  readonly inBytesMax: number;
  /** Answers of one session that are remembered for requests that come again. */
  readonly answersMax: number;
  /** Bytes of the same. */
  readonly answersBytesMax: number;
  /** Bytes of the same for all sessions, with what each costs beside its own: a quarter of a million small ones. */
  readonly answersBytesInAllMax: number;
  /** How long a connection may take to close: for the last answer to get through. */
  readonly closingMs: number;
}

/** The bounds of a server that was not told otherwise. */
export const DEFAULT_SYSTEM_LIMITS: SystemLimits = {
  packetBytesMax: 1_048_576 + 9,
  partialBytesMax: 64 * 1_048_576,
  connectionsMax: 16_384,
  connectionsPerAddressMax: 1_024,
  packetsPerSecondMax: 1_000,
  handshakeMs: 10_000,
  packetMs: 30_000,
  idleMs: 300_000,
  requestsMax: 64,
  outBytesMax: 262_144,
  outBytesInAllMax: 134_217_728,
  inBytesMax: 131_072,
  answersMax: 256,
  answersBytesMax: 262_144,
  answersBytesInAllMax: 67_108_864,
  closingMs: 10_000,
};
