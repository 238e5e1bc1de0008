import type { PlaceLimits } from '../admission/limits.js';

/** Every bound of the console's door, each with its reason. */
export interface ConsoleLimits {
  /** Pages at once: a team, each with some tabs and a screen on the wall. Each page may watch the whole graph. */
  readonly pagesMax: number;
  /** Calls that one page has open at once: its watches and what its views read. */
  readonly callsPerPageMax: number;
  /**
   * Bytes that one page has not taken. While it holds as many, its new calls are refused, and each of its watches waits with
   * one message; what a watch misses meanwhile comes as one change.
   */
  readonly untakenBytesMax: number;
  /** Bytes of one frame of a page: the largest request that a page makes names some hundred nodes. */
  readonly frameBytesMax: number;
  /** Bytes of the body of a POST: a token or a code. */
  readonly bodyBytesMax: number;
  /** Wrong codes and tokens of one address in a minute. */
  readonly wrongPerMinuteMax: number;
  /** Addresses whose wrong tries are remembered; beyond it the oldest is forgotten. */
  readonly addressesMax: number;
  /** How long a code can be used: the way from one window to another. */
  readonly codeMs: number;
  /** How far the clock of a machine on which an identity makes a code may be ahead of the server's. */
  readonly codeAheadMs: number;
  /** Codes that were used and are remembered until they expire; beyond it no code is taken. */
  readonly codesUsedMax: number;
  /** How long a login lasts without the page being opened. */
  readonly loginMs: number;
  /** Logins that were ended and are remembered until they expire; beyond it the oldest is forgotten. */
  readonly logoutsMax: number;
  /** How often a page is told that the server is there, so that it notices when it is not. */
  readonly tickMs: number;
  /** A page that answers no ping for so long is closed. */
  readonly silentMs: number;
}

/** The bounds of a console that was not told otherwise. */
export const CONSOLE_LIMITS: ConsoleLimits = {
  pagesMax: 32,
  callsPerPageMax: 16,
  untakenBytesMax: 4_194_304,
  frameBytesMax: 65_536,
  bodyBytesMax: 1_024,
  wrongPerMinuteMax: 5,
  addressesMax: 1_024,
  codeMs: 60_000,
  codeAheadMs: 30_000,
  codesUsedMax: 1_024,
  loginMs: 12 * 3_600_000,
  logoutsMax: 1_024,
  tickMs: 5_000,
  silentMs: 30_000,
};

/** The places of the console's port: the pages, and the six connections by which a browser loads each. */
export const CONSOLE_PLACES: PlaceLimits = {
  connectionsMax: 256,
  connectionsPerAddressMax: 128,
  connectionsKept: 64,
};
