import { isIP } from 'node:net';
import { ValueError } from './value-error.js';

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

/** A host and a port. Port 0 picks a free one. */
export interface Address {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads HOST:PORT, [V6]:PORT included. Throws a {@link ValueError}. */
export function parseAddress(text: string): Address {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  const isV6Sound = found?.[1] === undefined || isIP(found[1]) === 6;
  if (host === undefined || port > 65_535 || !isV6Sound) {
    throw new ValueError('must be HOST:PORT or [IPV6]:PORT, with a port of 0-65535, such as 127.0.0.1:8768');
  }
  return { host, port };
}

/** Hosts of such a name gRPC reads as another kind of address: a socket of this machine, or a name server's answer. */
const GRPC_SCHEMES: ReadonlySet<string> = new Set([
  ...['dns', 'ip', 'ipv4', 'ipv6', 'passthrough', 'unix', 'unix-abstract', 'vsock', 'xds'],
]);
/** Bytes of an address that clients take from a server: a name of 253, and a port. */
export const GRPC_ADDRESS_BYTES_MAX = 261;

/** Reads HOST:PORT that others are to reach by gRPC, as {@link parseAddress} does. Throws a {@link ValueError} also where they could not. */
export function parseGrpcAddress(text: string): Address {
  const address = parseAddress(text);
  if (GRPC_SCHEMES.has(address.host.toLowerCase())) {
    const problem = `must not have the host ${JSON.stringify(address.host)}, which gRPC reads as a kind of address`;
    throw new ValueError(`${problem}: give its full name or its IP address`);
  }
  if (Buffer.byteLength(text) > GRPC_ADDRESS_BYTES_MAX) {
    throw new ValueError(`must be at most ${GRPC_ADDRESS_BYTES_MAX} bytes`);
  }
  if (address.port === 0) throw new ValueError('must have a port, which is not 0');
  return address;
}

/** Writes an address the way {@link parseAddress} reads it. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach an address. */
export function isLoopback({ host }: Address): boolean {
  const plain = plainAddress(host);
  // Of IPv4 also what getaddrinfo takes for an address, such as 127.1.
  if (plain === 'localhost' || /^127(\.\d{1,3}){1,3}$/.test(plain)) return true;
  return groupsOf(plain)?.every((group, at, { length }) => group === Number(at === length - 1)) ?? false;
}

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
