import { keysOf, tableOf } from '../base/tables.js';
import { DEFAULT_FEED_LIMITS, type FeedLimits } from '../feed/limits.js';
import { DEFAULT_DOOR_LIMITS, type DoorLimits } from '../grpc/limits.js';
import { DEFAULT_REPLICA_LIMITS, type ReplicaLimits } from '../replica/limits.js';
import { defaultShares, type ShareLimits } from '../shares/limits.js';
import { DEFAULT_SYSTEM_LIMITS, type SystemLimits } from '../system/limits.js';
import { DOOR_LIMIT_OPTIONS, SHARE_OPTIONS } from './limit-options.js';
import type { Config } from './options.js';

/*
 * What the options come to for each part of a server: the part's own bounds, with those in their place that can be chosen.
 */

/** A message of system events is one write to a socket: small, so that a slow client holds little. */
const SYSTEM_MESSAGE_BYTES_MAX = 65_536;

/** Of the feeds of gRPC. */
export function feedLimits({ historyBytesMax, historyRevisionsMax }: Config): FeedLimits {
  return { ...DEFAULT_FEED_LIMITS, historyBytesMax, historyRevisionsMax };
}

/** Of the feeds of system events. */
export function systemFeedLimits(config: Config): FeedLimits {
  return { ...feedLimits(config), messageBytesMax: SYSTEM_MESSAGE_BYTES_MAX };
}

/** Of the replica. */
export function replicaLimits(config: Config): ReplicaLimits {
  return {
    ...DEFAULT_REPLICA_LIMITS,
    ttlDefaultMs: config.sessionTtlMs,
    ttlMinMs: config.sessionTtlMinMs,
    ttlMaxMs: config.sessionTtlMaxMs,
    graceMs: config.graceMs,
    orderDeadlineMs: config.orderDeadlineMs,
  };
}

/** Of the shares of one connection and one address. */
export function shareLimits(config: Config): ShareLimits {
  const shares = { ...defaultShares(config.limits) };
  for (const key of keysOf(SHARE_OPTIONS)) shares[key] = config[key] ?? shares[key];
  return shares;
}

/** Of the gRPC door. */
export function doorLimits(config: Config): DoorLimits {
  return { ...DEFAULT_DOOR_LIMITS, ...tableOf(keysOf(DOOR_LIMIT_OPTIONS), (key) => config[key]) };
}

/** Of the door of system events. */
export function systemLimits(config: Config): SystemLimits {
  return {
    ...DEFAULT_SYSTEM_LIMITS,
    connectionsMax: config.systemConnectionsMax,
    connectionsPerAddressMax: config.systemConnectionsPerAddressMax,
    packetsPerSecondMax: config.systemPacketsPerSecondMax,
    outBytesInAllMax: config.systemOutBytesMax,
  };
}
