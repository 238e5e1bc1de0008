import { isIPv4, isIPv6 } from 'node:net';
import { hasZone, plainAddress } from '../base/address.js';

/** Where a packet came from or goes to. */
export interface Endpoint {
  /** An IP address, v4 or v6, without brackets. */
  readonly host: string;
  /** 1-65535. */
  readonly port: number;
}

/** The 4 or 16 bytes of an IP address, 4 also of an IPv4 one that is written as IPv6; undefined when it is none or has a zone. */
export function addressBytes(text: string): Buffer | undefined {
  if (hasZone(text)) return undefined;
  const host = plainAddress(text);
  if (isIPv4(host)) return Buffer.from(host.split('.').map(Number));
  if (!isIPv6(host)) return undefined;
  const dotted = host.lastIndexOf('.') > 0 ? host.slice(host.lastIndexOf(':') + 1) : '';
  const tail = dotted
    ? addressBytes(dotted)!
        .toString('hex')
        .replace(/(.{4})(.{4})/, '$1:$2')
    : '';
  const [left = '', right] = (dotted ? host.slice(0, -dotted.length) + tail : host).split('::');
  const before = left.split(':').filter(Boolean);
  const after = (right ?? '').split(':').filter(Boolean);
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** The address of 4 or 16 bytes; IPv6 as RFC 5952 writes it, so that equal addresses are equal strings. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] << 8) | bytes[2 * at + 1]).toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  const before = groups.slice(0, zeros.at).join(':');
  return `${before}::${groups.slice(zeros.at + zeros.length).join(':')}`;
}

/** Private (RFC 1918), carrier-grade (RFC 6598), link-local (RFC 3927, 4291) and unique-local (RFC 4193) addresses. */
export function isPrivateAddress(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  if (bytes.length === 16) return (first & 0xfe) === 0xfc || (first === 0xfe && (second & 0xc0) === 0x80);
  return (
    first === 10 ||
    (first === 172 && (second & 0xf0) === 16) ||
    (first === 192 && second === 168) ||
    (first === 169 && second === 254) ||
    (first === 100 && (second & 0xc0) === 64)
  );
}

function longestZeros(groups: readonly string[]): { at: number; length: number } {
  let longest = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at += 1) {
    let length = 0;
    while (groups[at + length] === '0') length += 1;
    if (length > longest.length) longest = { at, length };
  }
  return longest;
}
