import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { algorithmOf, keyIdOf } from './public-key.js';

/** What stands before the 32 bytes of an Ed25519 key in its PKCS #8 form. */
const ED25519_PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A private key by which an identity proves itself. It never leaves this object but as {@link toPem}. */
export class SigningKey {
  /** The public key, a DER SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  /** Its SHA-256. */
  readonly keyId: Buffer;
  readonly #private: KeyObject;
  readonly #digest: 'sha256' | null;

  private constructor(key: KeyObject) {
    this.#private = key;
    this.publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
    const algorithm = algorithmOf(this.publicKey);
    if (typeof algorithm !== 'string') throw new Error(`not a key to prove an identity by: ${algorithm.problem}`);
    this.#digest = algorithm === 'ed25519' ? null : 'sha256';
    this.keyId = keyIdOf(this.publicKey);
  }

  /** Makes a new one, of Ed25519. */
  static generate(): SigningKey {
    return new SigningKey(generateKeyPairSync('ed25519').privateKey);
  }

  /** Reads one of Ed25519 or P-256 from PEM. Throws an Error that says what is wrong, and nothing of the text. */
  static fromPem(pem: string): SigningKey {
    let key: KeyObject;
    try {
      key = createPrivateKey(pem);
    } catch {
      throw new Error('not a private key in PEM, or one with a passphrase');
    }
    return new SigningKey(key);
  }

  /** The one of Ed25519 that a secret of 32 bytes makes: for simulations. */
  static fromSecret(secret: Uint8Array): SigningKey {
    const key = Buffer.concat([ED25519_PKCS8_HEAD, secret]);
    return new SigningKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }));
  }

  /** The private key, as PKCS #8 in PEM. */
  toPem(): string {
    return this.#private.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  /** Signs. */
  sign(bytes: Uint8Array): Buffer {
    return sign(this.#digest, bytes, this.#private);
  }
}
