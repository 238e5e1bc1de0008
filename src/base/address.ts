const GROUPS = 8;

/**
 * An address as everybody writes it: the IPv4 address that a dual-stack socket writes as IPv6 (`::ffff:192.0.2.1`,
 * `::ffff:c000:201`) is that IPv4 address, and the zone of a socket's address, which names an interface of this machine and
 * means nothing to any other, is left out.
 */
export function plainAddress(address: string): string {
  const bare = address.replace(/%.*$/, '');
  const groups = groupsOf(bare);
  const isMapped = groups?.[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (groups === undefined || !isMapped) return bare;
  return groups
    .slice(6)
    .flatMap((group) => [group >>> 8, group & 255])
    .join('.');
}

/** Whether an address names an interface of the machine that wrote it, so that nobody else can dial it. */
export function hasZone(address: string): boolean {
  return address.includes('%');
}

/** The eight groups of an IPv6 address; undefined for what is none, as is one with a zone. */
export function groupsOf(address: string): number[] | undefined {
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
