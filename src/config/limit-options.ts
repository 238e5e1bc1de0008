import { asError } from '../base/errors.js';
import { entriesOf, tableOf } from '../base/tables.js';
import { ValueError } from '../base/value-error.js';
import { DEFAULT_LIMITS, INITIAL_LIMITS, LIMIT_NAMES, type Limits } from '../core/model/limits.js';
import { DEFAULT_DOOR_LIMITS, type DoorLimits } from '../grpc/limits.js';
import { SHARE_FLAGS, type ShareLimits } from '../shares/limits.js';
import { count, type Option, optionalCount } from './option.js';

/**
 * The core's bounds as options of `serve`: the reasons of their defaults stand with {@link DEFAULT_LIMITS}.
 *
 * Upper ends are those of the formats (a SID base has 23 bits) or of what one message can carry.
 */
export const LIMIT_OPTIONS = {
  sessionsMax: bound('sessionsMax', [1, 8_388_607], 'Live sessions.'),
  sidBaseMax: bound('sidBaseMax', [1, 8_388_607], 'The highest base of a SID. Lower only to test exhaustion.'),
  linksPerNodeMax: bound('linksPerNodeMax', [1, 8_388_607], 'Links of one node, the server excepted.'),
  linksMax: bound('linksMax', [1, 268_435_456], 'Links in all, those to the server included.'),
  reportsPerNodeMax: bound(
    'reportsPerNodeMax',
    [1, 8_388_607],
    "Links of one node that wait for the other end's report.",
  ),
  reportsMax: bound('reportsMax', [1, 16_777_216], "Links in all that wait for the other end's report."),
  streamsPerSessionMax: bound('streamsPerSessionMax', [0, 65_536], 'Streams that one session owns, besides its first.'),
  streamsMax: bound('streamsMax', [1, 16_777_216], 'Streams in all, besides the first of every session.'),
  sinksPerStreamMax: bound('sinksPerStreamMax', [1, 1_024], 'Branches of one stream.'),
  branchesPerSinkMax: bound('branchesPerSinkMax', [1, 8_388_607], 'Streams that may end at one session.'),
  branchesMax: bound('branchesMax', [1, 16_777_216], 'Branches of all streams.'),
  ordersPerSessionMax: bound('ordersPerSessionMax', [1, 1_024], "Orders that wait for one session's answer."),
  connectionsPendingPerSessionMax: bound(
    'connectionsPendingPerSessionMax',
    [1, 1_024],
    'Connections that one session is making, at either end.',
  ),
  connectionsPendingMax: bound('connectionsPendingMax', [1, 1_048_576], 'Connections that are being made in all.'),
  connectionsPerSessionMax: bound(
    'connectionsPerSessionMax',
    [1, 65_536],
    'Connections of one session that are being made or stand.',
  ),
  connectionsFinishedMax: bound(
    'connectionsFinishedMax',
    [0, 1_048_576],
    'Connections that are over and can still be read.',
  ),
  attemptsPerConnectionMax: bound('attemptsPerConnectionMax', [1, 8], 'Attempts to connect two instances directly.'),
  upgradesPerConnectionMax: bound(
    'upgradesPerConnectionMax',
    [0, 1_024],
    'Attempts to find a direct path for a relayed connection.',
  ),
  candidatesMax: bound('candidatesMax', [1, 64], 'Addresses at which one end of a connection may be reached.'),
  publicKeyBytesMax: bound('publicKeyBytesMax', [44, 4_096], 'Bytes of a public key.'),
  pairsMax: bound('pairsMax', [1, 256], 'Pairs of addresses that one end tells of an attempt.'),
  outcomeBytesMax: bound('outcomeBytesMax', [1, 1_024], "Bytes of a pair's outcome."),
  endedMax: bound('endedMax', [0, 16_777_216], 'Ended sessions whose reason is remembered for late callers.'),
  nameBytesMax: bound('nameBytesMax', [1, 1_024], 'Bytes of a name.'),
  labelsMax: bound('labelsMax', [0, 64], 'Labels of one session or stream.'),
  labelKeyBytesMax: bound('labelKeyBytesMax', [1, 255], "Bytes of a label's key."),
  labelValueBytesMax: bound('labelValueBytesMax', [0, 4_096], "Bytes of a label's value."),
  descriptionBytesMax: bound('descriptionBytesMax', [0, 16_384], 'Bytes of a description that people write.'),
  answerDataBytesMax: bound('answerDataBytesMax', [0, 1_048_576], "Bytes of an answer's data."),
} as const satisfies { readonly [K in ChosenLimit]: Option<number> };

/**
 * The limits that have an option. The spans of the core's own orders have none: they fit the client's own timeouts. Nor has
 * `relayConfirmedFrom`, which is a version of the API.
 */
export type ChosenLimit = Exclude<
  keyof Limits,
  'gatherDeadlineMs' | 'attemptDeadlineMs' | 'relayDeadlineMs' | 'relayConfirmedFrom'
>;

/** The gRPC door's bounds as options: those that depend on the fleet. Their reasons stand with {@link DoorLimits}. */
export const DOOR_LIMIT_OPTIONS = {
  connectionsMax: bound('connectionsMax', [1, 1_000_000], 'Connections of gRPC clients.'),
  connectionsPerAddressMax: bound(
    'connectionsPerAddressMax',
    [1, 1_000_000],
    'The same from one address, or from one /64 of IPv6.',
    'connections-per-address',
  ),
  callsPerConnectionMax: bound('callsPerConnectionMax', [1, 1_000_000], 'Calls at once on one connection.'),
  callBytesMax: bound(
    'callBytesMax',
    [1_048_576, 68_719_476_736],
    'Bytes that open calls hold on all connections: 4 KiB and the metadata of each. Beyond it the connection that holds most is closed.',
  ),
  watchesPerConnectionMax: bound('watchesPerConnectionMax', [0, 1_000_000], 'Watches on one connection.'),
  watchBytesPerConnectionMax: bound(
    'watchBytesPerConnectionMax',
    [65_536, 1_073_741_824],
    'Bytes that the watches of one connection have on their way before they wait for each other.',
  ),
  watchBytesMax: bound(
    'watchBytesMax',
    [65_536, 68_719_476_736],
    'Bytes that watches have on their way on all connections, each message counted once. Beyond it the connection that holds most is closed.',
  ),
  watchedNodesMax: bound('watchedNodesMax', [1, 65_536], 'Nodes that one watch can name.'),
  requestBytesPerConnectionMax: bound(
    'requestBytesPerConnectionMax',
    [65_536, 1_073_741_824],
    'Bytes of incomplete and compressed requests on one connection; twice --message-bytes at least.',
  ),
  requestBytesMax: bound('requestBytesMax', [65_536, 68_719_476_736], 'The same on all connections.'),
  answerBytesPerConnectionMax: bound(
    'answerBytesPerConnectionMax',
    [1_048_576, 1_073_741_824],
    'Bytes of answers that one connection does not take.',
  ),
  answerBytesMax: bound(
    'answerBytesMax',
    [1_048_576, 68_719_476_736],
    'The same on all connections. Beyond it the connection that holds most is closed.',
  ),
  streamBytesMax: bound(
    'streamBytesMax',
    [1_048_576, 68_719_476_736],
    'Bytes of relayed blocks, orders and Exchange packets that gRPC clients do not take, on all connections. Beyond it the connection that holds most is closed.',
  ),
  earlyResetsMax: bound(
    'earlyResetsMax',
    [1, 1_000],
    'Calls on one connection that are reset within a second, at once.',
  ),
  earlyResetsPerSecond: bound('earlyResetsPerSecond', [1, 1_000], 'The same a second from then on.'),
  controlFramesMax: bound('controlFramesMax', [100, 1_000_000], 'PING and SETTINGS frames of one connection, at once.'),
  controlFramesPerSecond: bound('controlFramesPerSecond', [1, 1_000_000], 'The same a second from then on.'),
  metadataBytesMax: bound('metadataBytesMax', [1_024, 1_048_576], "Bytes of a request's metadata."),
} as const satisfies { readonly [K in keyof DoorLimits]?: Option<number> };

/** What one connection or address may have of the core's bounds, as options. Their defaults follow from those bounds. */
export const SHARE_OPTIONS = {
  sessionsPerConnectionMax: share(
    'sessionsPerConnectionMax',
    'Live sessions that came over one gRPC connection. Default: a quarter of --sessions-max.',
  ),
  sessionsPerAddressMax: share(
    'sessionsPerAddressMax',
    'Live sessions that came from one address, or from one /64 of IPv6. Default: half of --sessions-max.',
  ),
  connectionsPendingPerConnectionMax: share(
    'connectionsPendingPerConnectionMax',
    'Brokered connections that sessions of one gRPC connection are making as callers. Default: an eighth of --connections-pending-max.',
  ),
  connectionsPendingPerAddressMax: share(
    'connectionsPendingPerAddressMax',
    'Brokered connections that sessions of one address are making as callers. Default: a quarter of --connections-pending-max.',
  ),
  streamsPerAddressMax: share(
    'streamsPerAddressMax',
    'Streams that sessions of one address own, besides their first. Default: half of --streams-max.',
  ),
  branchesPerAddressMax: share(
    'branchesPerAddressMax',
    'Branches of the streams that sessions of one address own. Default: half of --branches-max.',
  ),
  linksPerAddressMax: share(
    'linksPerAddressMax',
    'Ends of links at sessions of one address, those to the server excepted. Default: --links-max, as a link has two ends.',
  ),
  reportsPerAddressMax: share(
    'reportsPerAddressMax',
    "Links that sessions of one address have reported and that wait for the other end's report. Default: half of --reports-max.",
  ),
} as const satisfies { readonly [K in keyof ShareLimits]: Option<number | undefined> };

/** For a journal that a release before 0.2.0 began: the limits that its server ran with. */
export const LIMITS_OF_FORMAT_1: Option<Limits | undefined> = {
  flag: 'limits-of-format-1',
  placeholder: 'LIST',
  fallback: undefined,
  help: 'The limits that the server of a journal of format 1 ran with, by their options: sessions-max=50,streams-per-session-max=256, or the same as a JSON object. Only for the first start after such a server. Default: those of release 0.1.0.',
  parse: parseLimits,
};

/** Reads `sessions-max=50,…` or `{"sessions-max": 50, …}`; what is not named is as in release 0.1.0. Throws a {@link ValueError}. */
export function parseLimits(text: string): Limits {
  const limits: { -readonly [K in keyof Limits]: number } = { ...INITIAL_LIMITS };
  for (const [flag, value] of namedValues(text)) {
    const entry = entriesOf(LIMIT_OPTIONS).find(([, option]) => option.flag === flag);
    if (entry === undefined)
      throw new ValueError(`${JSON.stringify(flag)} is not one of the limits, such as sessions-max`);
    const [name, option] = entry;
    try {
      limits[name] = option.parse(value);
    } catch (error) {
      if (error instanceof ValueError) throw new ValueError(`${flag} ${error.message}, not ${JSON.stringify(value)}`);
      throw error;
    }
  }
  return limits;
}

function namedValues(text: string): [flag: string, value: string][] {
  if (!text.trimStart().startsWith('{')) {
    return text.split(',').map((pair) => {
      const at = pair.indexOf('=');
      if (at < 0) throw new ValueError('must be a list such as sessions-max=50,streams-max=9, or a JSON object');
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    });
  }
  try {
    return Object.entries(JSON.parse(text) as object).map(([flag, value]) => [flag, String(value)]);
  } catch (error) {
    throw new ValueError(`must be a list such as sessions-max=50, or a JSON object: ${asError(error).message}`);
  }
}

/** The upper end is what a column of 32-bit numbers counts. */
function share(key: keyof ShareLimits, help: string): Option<number | undefined> {
  return optionalCount(SHARE_FLAGS[key], [1, 2 ** 31 - 1], help);
}

/** `sessionsMax` is the flag `--sessions-max`. */
function bound(
  key: ChosenLimit | keyof DoorLimits,
  bounds: readonly [number, number],
  help: string,
  flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
): Option<number> {
  return count(flag, { ...DEFAULT_LIMITS, ...DEFAULT_DOOR_LIMITS }[key], bounds, help);
}

/** Picks the core's limits out of the values of all options. Those without an option are as they are in this release. */
export function limitsOf(values: Readonly<Record<ChosenLimit, number>>): Limits {
  const given: Partial<Limits> = values;
  return tableOf(LIMIT_NAMES, (name) => given[name] ?? DEFAULT_LIMITS[name]);
}
