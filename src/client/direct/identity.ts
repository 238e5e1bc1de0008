import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/**
 * The key pair by which one end of a connection is known to the other.
 *
 * The public key travels through the server's orders; TLS then proves that whoever is at the other end of a path holds
 * its private half. TLS wants a certificate around the key, so there is one that says nothing else: nobody reads its
 * names or its dates.
 */
export interface PathIdentity {
  /** DER SubjectPublicKeyInfo of an Ed25519 key: 44 bytes. */
  readonly publicKey: Buffer;
  readonly secureContext: SecureContext;
}

/** Makes a new identity; one for each process is enough, one for each connection does no harm. */
export function makeIdentity(): PathIdentity {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const cert = pem('CERTIFICATE', certificate(publicKey, privateKey));
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { publicKey, secureContext: createSecureContext({ cert, key, minVersion: 'TLSv1.3' }) };
}

/** DER of the algorithm Ed25519 (1.3.101.112; RFC 8410, section 3) and of the attribute CN (2.5.4.3). */
const ED25519 = der(0x30, der(0x06, Buffer.from([0x2b, 0x65, 0x70])));
const COMMON_NAME = der(0x06, Buffer.from([0x55, 0x04, 0x03]));

/**
 * A self-signed certificate (RFC 5280, section 4.1) that is valid for ever: 99991231235959Z is how the RFC spells that.
 *
 *     Certificate { TBS { [0] version 3, serial, Ed25519, issuer, validity, subject, key }, Ed25519, signature }
 */
function certificate(publicKey: Buffer, privateKey: KeyObject): Buffer {
  const version = der(0xa0, der(0x02, Buffer.from([2])));
  const serial = der(0x02, Buffer.from([1]));
  const name = der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from('switchyard')))));
  const validity = der(0x30, der(0x18, Buffer.from('19700101000000Z')), der(0x18, Buffer.from('99991231235959Z')));
  const tbs = der(0x30, version, serial, ED25519, name, validity, name, publicKey);
  const signature = der(0x03, Buffer.from([0]), sign(null, tbs, privateKey));
  return der(0x30, tbs, ED25519, signature);
}

/** A DER value: tag, length (one byte, or 81 or 82 and one or two bytes), contents. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(contents);
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
