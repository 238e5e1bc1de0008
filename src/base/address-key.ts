const GROUPS = 8;
/** The first groups of an IPv6 address name its network: what a site or a host is commonly given. */
const NETWORK_GROUPS = 4;

/**
 * The key by which bounds of one address count: an IPv4 address itself, and of an IPv6 address its /64, as `2001:db8:0:1`.
 * An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is that IPv4 address. What is no address stays as it is.
 *
 * Whoever has one address of IPv6 has its whole /64: 2^64 addresses, which would make any bound of one address none.
 */
export function addressKey(address: string): string {
  const groups = groupsOf(address.replace(/%.*$/, ''));
  if (groups === undefined) return address;
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (isMapped)
    return groups
      .slice(6)
      .flatMap((group) => [group >>> 8, group & 255])
      .join('.');
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.toString(16))
    .join(':');
}

/** The eight groups of an IPv6 address; undefined for what is none. */
function groupsOf(address: string): number[] | undefined {
  const parts = address.split('::');
  if (!address.includes(':') || parts.length > 2) return undefined;
  const [head, tail] = parts.map(groupsIn);
  if (tail === undefined) return isWhole(head) ? head : undefined;
  const groups = [...head, ...new Array<number>(Math.max(0, GROUPS - head.length - tail.length)).fill(0), ...tail];
  return isWhole(groups) ? groups : undefined;
}

/** The last group may be an IPv4 address, which is two. */
function groupsIn(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    const bytes = group.split('.').map(Number);
    if (bytes.length === 4) return [(bytes[0] << 8) | bytes[1], (bytes[2] << 8) | bytes[3]];
    return [/^[0-9a-f]{1,4}$/i.test(group) ? Number.parseInt(group, 16) : Number.NaN];
  });
}

function isWhole(groups: readonly number[]): boolean {
  return groups.length === GROUPS && groups.every((group) => group >= 0 && group <= 0xffff);
}
