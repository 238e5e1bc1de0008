import { CONNECTION_TIMES } from './connection-times.js';

/**
 * Every bound of the core, by count and by size, each with its reason, and the spans that it gives to orders of its own.
 *
 * They are part of the state, set by the command SetLimits: what a stored command comes to depends on them, and must not
 * depend on the flags or the build of today. Lowering one removes nothing. It is asked when something new is wanted, never
 * when something is restored; what is only remembered (ended sessions, finished connections) shrinks as more is added.
 */
export interface Limits {
  /** Live sessions: what a process of 1 GiB holds with room to spare. */
  readonly sessionsMax: number;
  /** The highest SID base, of 23 bits. Lower only in tests of exhaustion. */
  readonly sidBaseMax: number;
  /** Links of one node, the server excepted: a gateway has thousands, and taking them all away is one revision. */
  readonly linksPerNodeMax: number;
  /** Links in all, those to the server included: at 40 B each a third of a GiB. */
  readonly linksMax: number;
  /** Links of one node that wait for the other end's report: as many as links, as both come together. */
  readonly reportsPerNodeMax: number;
  /** Links in all that wait for the other end's report: they cost ten times what a link costs, and do not wait for long. */
  readonly reportsMax: number;
  /** Streams that one session owns, besides the one from the start. */
  readonly streamsPerSessionMax: number;
  /** Streams that may end at one session, the owners' or not: as with links, taking them all away is one revision. */
  readonly branchesPerSinkMax: number;
  /** Streams in all, besides the one from the start of every session: as many again. */
  readonly streamsMax: number;
  /** Branches of one stream: a block is held until the slowest has it. */
  readonly sinksPerStreamMax: number;
  /** Branches in all: four of each stream, where every stream is used. A Map holds no more than 16 M. */
  readonly branchesMax: number;
  /** Orders that wait for one session's answer: more than that, and it does not answer at all. */
  readonly ordersPerSessionMax: number;
  /** Connections that one session is making, at either end: an office that opens its day. */
  readonly connectionsPendingPerSessionMax: number;
  /** Connections that are being made in all: each takes some seconds, and three orders to both ends. */
  readonly connectionsPendingMax: number;
  /** Connections of one session that are being made or stand, at either end: those of a busy gateway. */
  readonly connectionsPerSessionMax: number;
  /** Connections that are over and remembered, so that both ends can read why: 10 KiB each at most, commonly 1. */
  readonly connectionsFinishedMax: number;
  /** Attempts until a connection is made, and those that are remembered: DCUtR's; what failed thrice is not going to. */
  readonly attemptsPerConnectionMax: number;
  /** Attempts of a relayed connection besides those: with the client's pace a day's, and each costs both ends three calls. */
  readonly upgradesPerConnectionMax: number;
  /** Candidates of one end: own addresses, and as many that were observed. */
  readonly candidatesMax: number;
  /** Bytes of a public key: an RSA key of 4,096 bits has 550, and no reason to be here; P-521 has 158. */
  readonly publicKeyBytesMax: number;
  /** Pairs that one end tells of an attempt: its candidates, and as many that the peer turned out to come from. */
  readonly pairsMax: number;
  /** Bytes of a pair's outcome: a few words. */
  readonly outcomeBytesMax: number;
  /** Ended sessions whose reason is remembered, so that a late caller hears why: some minutes of heavy churn. */
  readonly endedMax: number;
  /** Bytes of a name in UTF-8: it has to fit a line of a table. */
  readonly nameBytesMax: number;
  /** Labels of one session or stream: with the two sizes below, 5 KiB at most. */
  readonly labelsMax: number;
  /** Bytes of a label's key: a DNS label's length, so that keys can be made of host names. */
  readonly labelKeyBytesMax: number;
  /** Bytes of a label's value. */
  readonly labelValueBytesMax: number;
  /** Bytes of a description or reason that people write: a few lines. */
  readonly descriptionBytesMax: number;
  /** Bytes of an answer's data: a list of candidates, with room. */
  readonly answerDataBytesMax: number;
  /** How long a caller has to gather that did not before it asked. */
  readonly gatherDeadlineMs: number;
  /** How long an end may take for one attempt. */
  readonly attemptDeadlineMs: number;
  /** How long an end may take to open the streams of a relayed connection. */
  readonly relayDeadlineMs: number;
  /**
   * From which form of relayed bytes on (`relay_version`) a relayed connection's streams have delivery confirmation: the ends
   * of older ones confirm nothing. Not a bound, but a rule that decides what a stored command comes to, as they do.
   */
  readonly relayConfirmedFrom: number;
}

/**
 * The limits that every journal begins with, until a SetLimits says otherwise: the defaults of release 0.1.0, for ever. A
 * later release may have other defaults, and sets those; it never changes these. One that adds a limit adds here the value
 * by which older journals mean what they meant.
 */
export const INITIAL_LIMITS: Limits = Object.freeze({
  sessionsMax: 1_048_576,
  sidBaseMax: 8_388_607,
  linksPerNodeMax: 16_384,
  linksMax: 8_388_608,
  reportsPerNodeMax: 16_384,
  reportsMax: 1_048_576,
  streamsPerSessionMax: 64,
  branchesPerSinkMax: 16_384,
  streamsMax: 1_048_576,
  sinksPerStreamMax: 64,
  branchesMax: 4_194_304,
  ordersPerSessionMax: 32,
  connectionsPendingPerSessionMax: 16,
  connectionsPendingMax: 4_096,
  connectionsPerSessionMax: 256,
  connectionsFinishedMax: 1_024,
  attemptsPerConnectionMax: 3,
  upgradesPerConnectionMax: 16,
  candidatesMax: 16,
  publicKeyBytesMax: 512,
  pairsMax: 32,
  outcomeBytesMax: 128,
  endedMax: 65_536,
  nameBytesMax: 128,
  labelsMax: 16,
  labelKeyBytesMax: 63,
  labelValueBytesMax: 255,
  descriptionBytesMax: 1_024,
  answerDataBytesMax: 65_536,
  gatherDeadlineMs: 10_000,
  attemptDeadlineMs: 12_000,
  relayDeadlineMs: 10_000,
  relayConfirmedFrom: 2 ** 32 - 1,
});

/** The names of all limits, in the order in which they stand above. */
export const LIMIT_NAMES = Object.keys(INITIAL_LIMITS) as readonly (keyof Limits)[];

/** Whether two sets of limits are the same. */
export function sameLimits(one: Limits, other: Limits): boolean {
  return LIMIT_NAMES.every((name) => one[name] === other[name]);
}

/** The bounds of a server that was not told otherwise. */
export const DEFAULT_LIMITS: Limits = {
  sessionsMax: 1_048_576,
  sidBaseMax: 2 ** 23 - 1,
  linksPerNodeMax: 16_384,
  linksMax: 8_388_608,
  reportsPerNodeMax: 16_384,
  reportsMax: 1_048_576,
  streamsPerSessionMax: 64,
  branchesPerSinkMax: 16_384,
  streamsMax: 1_048_576,
  sinksPerStreamMax: 64,
  branchesMax: 4_194_304,
  ordersPerSessionMax: 32,
  connectionsPendingPerSessionMax: 16,
  connectionsPendingMax: 4_096,
  connectionsPerSessionMax: 256,
  connectionsFinishedMax: 1_024,
  attemptsPerConnectionMax: 3,
  upgradesPerConnectionMax: 16,
  candidatesMax: 16,
  publicKeyBytesMax: 512,
  pairsMax: 32,
  outcomeBytesMax: 128,
  endedMax: 65_536,
  nameBytesMax: 128,
  labelsMax: 16,
  labelKeyBytesMax: 63,
  labelValueBytesMax: 255,
  descriptionBytesMax: 1_024,
  answerDataBytesMax: 65_536,
  gatherDeadlineMs: CONNECTION_TIMES.gatherDeadlineMs,
  attemptDeadlineMs: CONNECTION_TIMES.attemptDeadlineMs,
  relayDeadlineMs: CONNECTION_TIMES.relayDeadlineMs,
  relayConfirmedFrom: 2,
};
