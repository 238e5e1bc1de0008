import { GRPC_ADDRESS_BYTES_MAX } from '../base/address.js';

/**
 * Every bound of the client, with its reason. Times are in milliseconds; those of brokered connections are in
 * `core/model/connection-times.ts`.
 *
 * What grows with the network (the replica of the graph) is bounded by the network itself; everything that waits is
 * bounded here.
 */
export const LIMITS = {
  /** How long a call may take when its caller does not say: longer than a journal's worst fsync, shorter than patience. */
  callTimeoutMs: 10_000,
  /** Terminating another's session waits for that instance's answer, which the server waits for first. */
  terminateTimeoutMs: 60_000,
  /** Tries of one connection, over some seven hours; the server's own bound. */
  upgradesMax: 16,
  /** How long saying goodbye may take: whoever leaves wants to be gone, and the lease ends the session anyway. */
  leaveTimeoutMs: 5_000,
  /** An attachment has a heartbeat every 15 s; one that missed two is dead. */
  attachmentSilenceMs: 2 * 15_000,
  /** A watch has a bookmark every 30 s; one that missed two is dead. */
  watchSilenceMs: 2 * 30_000,
  /** The first wait after a failure is drawn from 0 to this: a restart is often over by then. */
  backoffFirstMs: 200,
  /** The waits grow to this at most: a fleet finds a server again within so much, and does not storm it. */
  backoffMaxMs: 15_000,
  /** A try that stood for so long was a success: the failures before it no longer count. */
  steadyMs: 10_000,
  /** Orders carried out at once. A server lets 32 wait for one session, so more is a server gone wrong. */
  ordersAtOnce: 64,
  /** Answers kept for orders that are given again; as many as two servings of what can wait at a server … */
  answersRemembered: 256,
  /** … and their bytes: the largest answer has 64 KiB of data. */
  answersRememberedBytes: 1 << 20,
  /** How long an answer is offered to a server that does not take it; the order's deadline is sooner. */
  answerTimeoutMs: 60_000,
  /** grpc-js looks for a lost server again at this rate, so that the waits above decide and not its own (to 120 s). */
  reconnectMs: 1_000,
  /** A connection without a sign of life for so long is probed … */
  pingAfterMs: 20_000,
  /** … and dropped when the probe is not answered: a half-open one would swallow every new call too. */
  pingTimeoutMs: 10_000,
  /** Where several servers are known, how long a connection to one may take before the next is asked. */
  connectMs: 5_000,
  /** Addresses of servers that are known at once by what the servers tell, and as many that they told before. */
  serversMax: 64,
  /** Bytes of an address that a server may name: a name of 253, and a port. */
  serverBytesMax: GRPC_ADDRESS_BYTES_MAX,
  /** How often a client with pins asks for those of its servers: a rotation of authorities leaves days between its steps. */
  pinsMs: 3_600_000,
  /** After how long it asks again beside a call where a server was away at the first one, or refused for its load. */
  pinsAgainMs: 60_000,
  /** The largest message taken: a page of 1,000 sessions with all the labels they may have is 5 MB. */
  messageBytesMax: 16 << 20,
  /**
   * What a server may send on one call, and on all, before it hears that it was read: 400 Mbit/s at 80 ms, where HTTP/2's own 64 KiB
   * are 6, since nghttp2 says what was read once it is half of the window. As much is held of a call that the program does not read.
   */
  windowBytes: 8 << 20,
  /** Items of a page when the caller does not say. */
  pageSize: 500,
} as const;
