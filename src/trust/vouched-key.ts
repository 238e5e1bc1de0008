import { hash } from 'node:crypto';

/** What stands in the place of a key where an authority or an issuer vouches for an identity. */
export interface VouchedKey {
  /** The text in UTF-8, one latin1 character a byte. */
  readonly key: string;
  /** Its SHA-256, as 32 latin1 characters. No public key has the same: this is no DER. */
  readonly keyId: string;
}

/** What stands for a SPIFFE URI, or for an issuer's URL, a space and a subject. */
export function vouchedKey(text: string): VouchedKey {
  return { key: Buffer.from(text).toString('latin1'), keyId: hash('sha256', text, 'buffer').toString('latin1') };
}

/** The text that a vouched key stands for. */
export function vouchedText(key: string): string {
  return Buffer.from(key, 'latin1').toString('utf8');
}
