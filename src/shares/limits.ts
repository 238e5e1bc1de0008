import type { Limits } from '../core/model/limits.js';

/** What one connection, or one address (of IPv6, one /64), may hold of what all share. Each is a bound by count. */
export interface ShareLimits {
  /** Live sessions that came over one client connection: those of a large gateway. */
  readonly sessionsPerConnectionMax: number;
  /** Live sessions that came from one address: those of a site behind one NAT. */
  readonly sessionsPerAddressMax: number;
  /** Brokered connections that sessions of one client connection are making, as callers. */
  readonly connectionsPendingPerConnectionMax: number;
  /** The same of one address. */
  readonly connectionsPendingPerAddressMax: number;
  /** Streams that sessions of one address own, besides their first. */
  readonly streamsPerAddressMax: number;
  /** Branches of those streams. */
  readonly branchesPerAddressMax: number;
  /** Ends of links at sessions of one address; those to the server excepted. */
  readonly linksPerAddressMax: number;
  /** Links that sessions of one address have reported and that wait for the other end's report. */
  readonly reportsPerAddressMax: number;
}

/**
 * The shares of a server that was not told otherwise: some of what it holds in all, so that they protect it whatever that
 * is. One address has half, so that one never fills it alone. Of sessions, one connection has a quarter: a gateway that
 * fails takes no more with it. What is being brokered is over within a minute, and a quarter of it is still hundreds, as is
 * the eighth of one connection.
 */
export function defaultShares(limits: Limits): ShareLimits {
  const part = (max: number, parts: number) => Math.ceil(max / parts);
  return {
    sessionsPerConnectionMax: part(limits.sessionsMax, 4),
    sessionsPerAddressMax: part(limits.sessionsMax, 2),
    connectionsPendingPerConnectionMax: part(limits.connectionsPendingMax, 8),
    connectionsPendingPerAddressMax: part(limits.connectionsPendingMax, 4),
    streamsPerAddressMax: part(limits.streamsMax, 2),
    branchesPerAddressMax: part(limits.branchesMax, 2),
    // A link has two ends, so this is half of all ends.
    linksPerAddressMax: limits.linksMax,
    reportsPerAddressMax: part(limits.reportsMax, 2),
  };
}

/** The option of each share: its flag, and so the name by which a refusal and the metrics call it. */
export const SHARE_FLAGS = {
  sessionsPerConnectionMax: 'sessions-per-connection',
  sessionsPerAddressMax: 'sessions-per-address',
  connectionsPendingPerConnectionMax: 'connections-pending-per-connection',
  connectionsPendingPerAddressMax: 'connections-pending-per-address',
  streamsPerAddressMax: 'streams-per-address',
  branchesPerAddressMax: 'branches-per-address',
  linksPerAddressMax: 'links-per-address',
  reportsPerAddressMax: 'reports-per-address',
} as const satisfies { readonly [K in keyof ShareLimits]: string };

/** The flag of one share. */
export type ShareFlag = (typeof SHARE_FLAGS)[keyof ShareLimits];
