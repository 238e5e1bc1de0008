/**
 * The bounds of the gRPC door, by count and by size, each with its reason. The core's are in core/model/limits.ts, the feeds' in
 * feed/limits.ts, those of the other doors in the limits files of their folders.
 */
export interface DoorLimits {
  /** Watches that one client connection holds: 12 KiB of HTTP/2 stream each; a console that shows a fleet has some. */
  readonly watchesPerConnectionMax: number;
  /**
   * Bytes that the watches of one connection have written and the client has not taken, the last message excepted: some
   * dozens of the largest messages, so that no watch that is read has to wait for others that are.
   */
  readonly watchBytesPerConnectionMax: number;
  /**
   * The same for all connections, each message counted once for all that share it: two thousand snapshots of which each is
   * at a place of its own. Beyond it the connection that holds most is closed.
   */
  readonly watchBytesMax: number;
  /** Calls at once on one connection: a gateway attaches all sessions that it speaks for on one. 12 KiB each. */
  readonly callsPerConnectionMax: number;
  /**
   * Bytes that open calls hold on all connections: 4 KiB for each and its metadata. Fifty thousand of ordinary calls, five for
   * each connection that there may be. Beyond it the connection that holds most is closed.
   */
  readonly callBytesMax: number;
  /** Client connections: 30 KiB each, so 300 MiB at most; a fleet of more uses several servers. */
  readonly connectionsMax: number;
  /** The same from one address (of IPv6, from one /64): a site behind one NAT, and not one attacker. */
  readonly connectionsPerAddressMax: number;
  /** Connections that are let go of in one turn of the event loop, of many that end at once: a millisecond or two. */
  readonly departuresPerTurnMax: number;
  /**
   * Bytes of requests on one connection that cannot be handed on yet: messages that have not come to their end, and what
   * compressed ones may become. Some of the largest at once; never less than two.
   */
  readonly requestBytesPerConnectionMax: number;
  /** The same for all connections: what a server can spare beside its state. */
  readonly requestBytesMax: number;
  /** Bytes of answers to unary calls that one connection does not take: some dozens of the largest pages. */
  readonly answerBytesPerConnectionMax: number;
  /** The same for all connections: a hundred and more of the largest pages on their way at once, to slow clients. */
  readonly answerBytesMax: number;
  /**
   * Bytes that other calls have written and their clients have not taken, on all connections: one block of each sink of the
   * relay, orders, packets of Exchange. Two thousand blocks of 64 KiB.
   */
  readonly streamBytesMax: number;
  /** A call that its client resets within this time was never meant to be answered. */
  readonly earlyResetMs: number;
  /** Such calls on one connection at once: a client that gives up all its calls; half of what nghttp2 takes. */
  readonly earlyResetsMax: number;
  /** Such calls a second from then on: deadlines that are too short for the network. */
  readonly earlyResetsPerSecond: number;
  /** PING and SETTINGS frames of one connection at once. */
  readonly controlFramesMax: number;
  /** The same a second from then on: a Go client pings after every message that it reads, once a round trip. */
  readonly controlFramesPerSecond: number;
  /** Bytes of a request's metadata with its overhead of 32 B an entry (RFC 9113, 6.5.2): tokens and tracing, with room. */
  readonly metadataBytesMax: number;
  /** Nodes that one watch can name: more, and watching everything is cheaper for both sides. */
  readonly watchedNodesMax: number;
  /** Entries of one page. */
  readonly pageSizeMax: number;
  /** Bytes of one page, one entry excepted: with the largest that there can be, it stays below the 2 MiB of every message. */
  readonly pageBytesMax: number;
  /** Entries of a page that did not say. */
  readonly pageSizeDefault: number;
  /** Violations told in one error: gRPC clients take 8 KiB of trailers, and nobody mends more at a time. */
  readonly violationsMax: number;
  /** Bytes of an error's message, for the same 8 KiB, as it may grow threefold on the wire and is sent twice. */
  readonly errorMessageBytesMax: number;
  /** The longest deadline that a timer of Node can hold. A client's longer one is cut to it. */
  readonly callDeadlineMsMax: number;
}

/** The bounds of the wire below the calls of gRPC. */
export interface WireLimits extends DoorLimits {
  /** Bytes of one request. */
  readonly messageBytesMax: number;
}

/** The bounds of a server that was not told otherwise. */
export const DEFAULT_DOOR_LIMITS: DoorLimits = {
  watchesPerConnectionMax: 1_024,
  watchBytesPerConnectionMax: 16_777_216,
  watchBytesMax: 134_217_728,
  callsPerConnectionMax: 16_384,
  callBytesMax: 268_435_456,
  connectionsMax: 10_000,
  connectionsPerAddressMax: 1_024,
  departuresPerTurnMax: 16,
  requestBytesPerConnectionMax: 16_777_216,
  requestBytesMax: 268_435_456,
  answerBytesPerConnectionMax: 33_554_432,
  answerBytesMax: 134_217_728,
  streamBytesMax: 134_217_728,
  earlyResetMs: 1_000,
  earlyResetsMax: 500,
  earlyResetsPerSecond: 50,
  controlFramesMax: 10_000,
  controlFramesPerSecond: 5_000,
  metadataBytesMax: 16_384,
  watchedNodesMax: 1_024,
  pageSizeMax: 1_000,
  pageBytesMax: 1_048_576,
  pageSizeDefault: 100,
  violationsMax: 16,
  errorMessageBytesMax: 1_024,
  callDeadlineMsMax: 24 * 86_400_000,
};
