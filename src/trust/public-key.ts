import { createPublicKey, hash, type KeyObject } from 'node:crypto';

/** The algorithm of a key. */
export type KeyAlgorithm = 'ed25519' | 'p256';

const ED25519_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const ED25519_BYTES = 32;
/** An uncompressed point: the other forms would give one key several spellings. */
const P256_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');
const P256_BYTES = 64;

/** The sign of x, which stands in the highest bit of the last byte. */
const SIGN_MASK = 0x7f;
/**
 * The y coordinates of the eight points of small order, without those of {@link isReduced}'s other spellings. Whoever names such
 * a point as a key needs no private key to sign by it.
 */
const SMALL_ORDER: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

/** SHA-256 of a key's SubjectPublicKeyInfo: the key's id. */
export function keyIdOf(spki: Uint8Array): Buffer {
  return hash('sha256', spki, 'buffer');
}

/** The algorithm of a key, by its very bytes; why it is refused, for people. */
export function algorithmOf(spki: Uint8Array): KeyAlgorithm | { readonly problem: string } {
  const bytes = Buffer.from(spki.buffer, spki.byteOffset, spki.length);
  if (startsWith(bytes, ED25519_HEAD, ED25519_BYTES)) return checkEd25519(bytes.subarray(ED25519_HEAD.length));
  if (startsWith(bytes, P256_HEAD, P256_BYTES)) return 'p256';
  const allowed = 'a DER SubjectPublicKeyInfo of Ed25519 (44 bytes) or of P-256 with an uncompressed point (91 bytes)';
  return { problem: `${spki.length} bytes that are no key of a kind that is taken: ${allowed}` };
}

/**
 * Imports a key; undefined for one whose point is not on its curve. One of Ed25519 is handed over as its 32 bytes: reading the DER takes Node 20
 * ten times as long, 80 to 90 µs of the event loop. P-256 stays with the DER.
 */
export function importKey(spki: Uint8Array): KeyObject | undefined {
  const bytes = Buffer.from(spki.buffer, spki.byteOffset, spki.length);
  try {
    if (startsWith(bytes, ED25519_HEAD, ED25519_BYTES)) {
      const x = bytes.toString('base64url', ED25519_HEAD.length);
      return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    }
    return createPublicKey({ key: bytes, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** Why these bytes cannot be a key, for people; undefined for one that can. */
export function keyProblem(spki: Uint8Array): string | undefined {
  const algorithm = algorithmOf(spki);
  if (typeof algorithm !== 'string') return algorithm.problem;
  return importKey(spki) === undefined ? OFF_CURVE : undefined;
}

/** What is wrong with a key whose point is on no curve. */
export const OFF_CURVE = 'its point is not on the curve';

function startsWith(bytes: Buffer, head: Buffer, rest: number): boolean {
  return bytes.length === head.length + rest && bytes.subarray(0, head.length).equals(head);
}

function checkEd25519(point: Buffer): KeyAlgorithm | { readonly problem: string } {
  const y = Buffer.from(point);
  y[y.length - 1] &= SIGN_MASK;
  if (!isReduced(y)) return { problem: 'its point is written in a second way' };
  return SMALL_ORDER.includes(y.toString('hex')) ? { problem: 'its point is of small order' } : 'ed25519';
}

/** Whether y, little-endian, is less than 2^255 - 19: only then is it the one spelling of its point. */
function isReduced(y: Buffer): boolean {
  return y[0] < 0xed || y[31] !== 0x7f || y.subarray(1, 31).some((byte) => byte !== 0xff);
}
