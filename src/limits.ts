/**
 * Every bound of the doors, by count and by size, each with its reason. The core's are in core/limits.ts, the feeds' in
 * feed/limits.ts.
 */
export interface DoorLimits {
  /** Watches that one client connection holds: 12 KiB of HTTP/2 stream each; a console that shows a fleet has some. */
  readonly watchesPerConnectionMax: number;
  /** Calls at once on one connection: a gateway attaches all sessions that it speaks for on one. 12 KiB each. */
  readonly callsPerConnectionMax: number;
  /** Client connections: 30 KiB each, so 300 MiB at most; a fleet of more uses several servers. */
  readonly connectionsMax: number;
  /** Bytes of a request's metadata with its overhead of 32 B an entry (RFC 9113, 6.5.2): tokens and tracing, with room. */
  readonly metadataBytesMax: number;
  /** Nodes that one watch can name: more, and watching everything is cheaper for both sides. */
  readonly watchedNodesMax: number;
  /** Entries of one page. */
  readonly pageSizeMax: number;
  /** Bytes of one page, about: gRPC clients take 4 MiB, and what is not ASCII is counted short up to threefold. */
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

/** The bounds of a server that was not told otherwise. */
export const DEFAULT_DOOR_LIMITS: DoorLimits = {
  watchesPerConnectionMax: 1_024,
  callsPerConnectionMax: 16_384,
  connectionsMax: 10_000,
  metadataBytesMax: 16_384,
  watchedNodesMax: 1_024,
  pageSizeMax: 1_000,
  pageBytesMax: 1_048_576,
  pageSizeDefault: 100,
  violationsMax: 16,
  errorMessageBytesMax: 1_024,
  callDeadlineMsMax: 24 * 86_400_000,
};
