import { addressText } from '../stun/address.js';

/** The first 12 bytes of an IPv4 address that is written as an IPv6 one (RFC 4291, section 2.5.5.2). */
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex');

/** The text of 4 or 16 bytes, where an IPv4 address that is written as an IPv6 one becomes what it is. */
export function plainAddressText(bytes: Uint8Array): string {
  const isMapped = bytes.length === 16 && MAPPED.equals(bytes.subarray(0, MAPPED.length));
  return addressText(isMapped ? bytes.subarray(MAPPED.length) : bytes);
}
