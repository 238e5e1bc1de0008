import type { PlaceLimits } from '../admission/limits.js';

/** Every bound of the web door, each with its reason. */
export interface WebLimits {
  /** Bytes of the body of one request: the largest message of a unary call, written as JSON. */
  readonly requestBytesMax: number;
  /** The same of all requests that are arriving, with the heads of all that are open: who sends most goes first. */
  readonly requestBytesInAllMax: number;
  /** How long a body may take to arrive while the server reads: some round trips of a slow radio. */
  readonly arrivalMs: number;
  /**
   * Bytes that were written and not taken, of all answers: each watch waits with one message, and who holds most goes when
   * all hold more.
   */
  readonly untakenBytesInAllMax: number;
  /** Calls at once on one connection: a client of HTTP/1.1 waits for each answer, and one that sends ahead reads them in order. */
  readonly callsPerConnectionMax: number;
  /** Bytes of a connection that are parsed before others are served: a request of a browser, or some tens of short ones. */
  readonly sliceBytes: number;
  /** How long a connection without a call is kept. */
  readonly idleMs: number;
  /** The longest time of a call that a timer of Node can hold: a caller's longer one is cut to it, as gRPC's is. */
  readonly timeoutMsMax: number;
  /** How long a browser may remember that an origin was allowed. */
  readonly preflightS: number;
}

/** The bounds of a web door that was not told otherwise. */
export const WEB_LIMITS: WebLimits = {
  requestBytesMax: 1_048_576,
  requestBytesInAllMax: 16_777_216,
  arrivalMs: 10_000,
  untakenBytesInAllMax: 33_554_432,
  callsPerConnectionMax: 16,
  sliceBytes: 1_024,
  idleMs: 10_000,
  timeoutMsMax: 24 * 86_400_000,
  preflightS: 600,
};

/** The places of the web door. Each watch of a browser takes one, and a browser opens six to one host. */
export const WEB_PLACES: PlaceLimits = {
  connectionsMax: 2_048,
  connectionsPerAddressMax: 256,
  connectionsKept: 512,
};
