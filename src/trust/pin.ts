import type { X509Certificate } from 'node:crypto';
import { keyIdOf } from './public-key.js';
import { HASH_BYTES } from './signed-bytes.js';

/**
 * The name that is in every certificate that a server makes for itself. Clients that know its authority by a pin expect this name, by
 * whatever address they come: the key is what they trust.
 */
export const OWN_SERVER_NAME = 'switchyard';

const PREFIX = 'sha256:';

/** A pin as people write it: `sha256:` and 64 hexadecimal digits. */
export function formatPin(pin: Uint8Array): string {
  return `${PREFIX}${Buffer.from(pin).toString('hex')}`;
}

/** Reads what {@link formatPin} writes, in upper case too; undefined for anything else. */
export function parsePin(text: string): Buffer | undefined {
  const hex = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : '';
  return /^[0-9a-fA-F]{64}$/.test(hex) ? Buffer.from(hex, 'hex') : undefined;
}

/** The pin of a certificate: SHA-256 of its SubjectPublicKeyInfo. */
export function pinOf(certificate: X509Certificate): Buffer {
  return keyIdOf(certificate.publicKey.export({ type: 'spki', format: 'der' }));
}

/** Whether it has the form of a pin. */
export function isPin(pin: Uint8Array): boolean {
  return pin.length === HASH_BYTES;
}

/** Whether a pin is one of these. */
export function holdsPin(pins: readonly Uint8Array[], pin: Uint8Array): boolean {
  return pins.some((one) => Buffer.from(pin).equals(one));
}
