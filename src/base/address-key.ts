import { groupsOf, plainAddress } from './address.js';

/** The first groups of an IPv6 address name its network: what a site or a host is commonly given. */
const NETWORK_GROUPS = 4;

/**
 * The key by which bounds of one address count: an IPv4 address itself, and of an IPv6 address its /64, as `2001:db8:0:1`.
 * An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is that IPv4 address. What is no address stays as it is.
 *
 * Whoever has one address of IPv6 has its whole /64: 2^64 addresses, which would make any bound of one address none.
 */
export function addressKey(address: string): string {
  const plain = plainAddress(address);
  const groups = groupsOf(plain);
  if (groups === undefined) return plain;
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.toString(16))
    .join(':');
}
