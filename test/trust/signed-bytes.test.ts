import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { keyIdOf } from '../../src/trust/public-key.js';
import { BindingKind, ProofPurpose, signedBytes } from '../../src/trust/signed-bytes.js';
import { SigningKey } from '../../src/trust/signing-key.js';

/** A line of test/vectors/proofs.json. */
interface Vector {
  readonly name: string;
  readonly purpose: number;
  readonly server_uuid: string;
  readonly nonce: string;
  readonly network: string;
  readonly identity_uuid: string;
  readonly instance_uuid: string;
  readonly public_key: string;
  readonly binding_kind: number;
  readonly binding: string;
  readonly signed: string;
  readonly signature: string;
  readonly secret?: string;
}

const VECTORS = JSON.parse(readFileSync('test/vectors/proofs.json', 'utf8')) as Vector[];

function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

describe('the signed bytes of a proof', () => {
  it.each(VECTORS)('are those of the vector: $name', (vector) => {
    const publicKey = bytes(vector.public_key);
    const signed = signedBytes({
      purpose: vector.purpose,
      serverUuid: vector.server_uuid,
      nonce: bytes(vector.nonce),
      network: vector.network,
      identityUuid: vector.identity_uuid,
      instanceUuid: vector.instance_uuid,
      keyId: keyIdOf(publicKey),
      bindingKind: vector.binding_kind,
      binding: bytes(vector.binding),
    });
    expect(signed.toString('hex')).toBe(vector.signed);
    const key = createPublicKey({ key: publicKey, type: 'spki', format: 'der' });
    const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
    expect(verify(digest, signed, key, bytes(vector.signature))).toBe(true);
    if (vector.secret === undefined) return;
    const signing = SigningKey.fromSecret(bytes(vector.secret));
    expect(signing.publicKey).toEqual(publicKey);
    expect(signing.sign(signed).toString('hex')).toBe(vector.signature);
  });

  it('are there for every purpose, with and without a binding, and for both kinds of keys', () => {
    expect(new Set(VECTORS.map(({ purpose }) => purpose))).toEqual(new Set(Object.values(ProofPurpose)));
    expect(new Set(VECTORS.map(({ binding_kind }) => binding_kind))).toEqual(new Set(Object.values(BindingKind)));
    expect(new Set(VECTORS.map(({ public_key }) => public_key.length / 2))).toEqual(new Set([44, 91]));
  });

  it('differ when any part of the content does', () => {
    const content = {
      purpose: 1,
      serverUuid: '00000000-0000-4000-8000-000000000001',
      nonce: Buffer.alloc(40),
      network: 'default',
      identityUuid: '00000000-0000-4000-8000-000000000002',
      instanceUuid: '00000000-0000-4000-8000-000000000003',
      keyId: Buffer.alloc(32),
      bindingKind: 1,
      binding: Buffer.alloc(32),
    };
    const others = [
      { purpose: 3 },
      { serverUuid: '00000000-0000-4000-8000-000000000009' },
      { nonce: Buffer.alloc(40, 1) },
      { network: 'default2' },
      { identityUuid: '00000000-0000-4000-8000-000000000009' },
      { instanceUuid: '00000000-0000-4000-8000-000000000009' },
      { keyId: Buffer.alloc(32, 1) },
      { bindingKind: 0 },
      { binding: Buffer.alloc(32, 1) },
    ].map((part) => signedBytes({ ...content, ...part }).toString('hex'));
    expect(new Set([...others, signedBytes(content).toString('hex')]).size).toBe(others.length + 1);
  });

  it.each([
    ['a nonce', { nonce: Buffer.alloc(39) }],
    ['a key id', { keyId: Buffer.alloc(31) }],
    ['a binding', { bindingKind: 1, binding: Buffer.alloc(0) }],
    ['a UUID', { serverUuid: 'no uuid' }],
  ])('are not made of %s of another length', (_, part) => {
    const content = {
      ...{ purpose: 1, serverUuid: VECTORS[0].server_uuid, nonce: Buffer.alloc(40), network: '' },
      ...{ identityUuid: VECTORS[0].server_uuid, instanceUuid: VECTORS[0].server_uuid, keyId: Buffer.alloc(32) },
      ...{ bindingKind: 0, binding: Buffer.alloc(0) },
    };
    expect(() => signedBytes({ ...content, ...part })).toThrow();
  });
});
