import { createHash } from 'node:crypto';
import { uuidBytes } from '../signed-bytes.js';

/** Drawn once: identities of issuers depend on it for ever. */
const NAMESPACE = uuidBytes('6d3c1b52-54a8-4a3f-9f1e-0c9a7d5e2b84');

/**
 * The identity of an issuer's subject in a network: a UUID of version 5 (RFC 9562, section 5.5) of the three, with a zero byte between
 * them, which none of them can hold. The same subject is another identity in another network.
 */
export function subjectUuid(network: string, issuer: string, subject: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update([network, issuer, subject].join('\0')).digest();
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex', 0, 16);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
