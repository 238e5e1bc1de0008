import type { PlaceLimits } from '../admission/limits.js';

/** Every bound of the console's door, each with its reason. */
export interface ConsoleLimits {
  /** Pages at once: a team, each with some tabs and a screen on the wall. Each page may watch the whole graph. */
  readonly pagesMax: number;
  /** Of those the pages of one identity: some tabs and a phone. */
  readonly pagesPerIdentityMax: number;
  /** Of those the pages that identities leave to administrators and viewers, who look why too many are open. */
  readonly pagesKept: number;
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
  /**
   * Codes that were used and are remembered until they expire: of those made of the administrator's token, and as many of all
   * identities. Beyond it no code is taken.
   */
  readonly codesUsedMax: number;
  /** The same for the codes of one identity. */
  readonly codesPerIdentityMax: number;
  /** How long a login lasts without the page being opened. */
  readonly loginMs: number;
  /** How long a login lasts however often the page is opened: a week, after which its user shows the key or token again. */
  readonly loginInAllMs: number;
  /**
   * Logins that were ended and are remembered for {@link loginInAllMs}: of administrators and viewers, and as many of all
   * identities. Beyond it the oldest of whoever has most is forgotten, so that nobody makes the ended login of another good.
   */
  readonly logoutsMax: number;
  /** The same for one identity; beyond it its own oldest is forgotten. */
  readonly logoutsPerIdentityMax: number;
  /** How often a page is told that the server is there, so that it notices when it is not. */
  readonly tickMs: number;
  /** A page that answers no ping for so long is closed. */
  readonly silentMs: number;
}

/** The bounds of a console that was not told otherwise. */
export const CONSOLE_LIMITS: ConsoleLimits = {
  pagesMax: 32,
  pagesPerIdentityMax: 8,
  pagesKept: 8,
  callsPerPageMax: 16,
  untakenBytesMax: 4_194_304,
  frameBytesMax: 65_536,
  bodyBytesMax: 1_024,
  wrongPerMinuteMax: 5,
  addressesMax: 1_024,
  codeMs: 60_000,
  codeAheadMs: 30_000,
  codesUsedMax: 1_024,
  codesPerIdentityMax: 32,
  loginMs: 12 * 3_600_000,
  loginInAllMs: 7 * 24 * 3_600_000,
  logoutsMax: 1_024,
  logoutsPerIdentityMax: 32,
  tickMs: 5_000,
  silentMs: 30_000,
};

/** The places of the console's port: the pages, and the six connections by which a browser loads each. */
export const CONSOLE_PLACES: PlaceLimits = {
  connectionsMax: 256,
  connectionsPerAddressMax: 128,
  connectionsKept: 64,
};
