import { createHash } from 'node:crypto';
import type { Proof } from '../../gen/switchyard/v1/identity.js';
import { ProofPurpose, type SignedContent, signedBytes } from '../../src/trust/signed-bytes.js';
import { SigningKey } from '../../src/trust/signing-key.js';

/** The key of that number: the same in every run. */
export function keyOf(number: number): SigningKey {
  return SigningKey.fromSecret(createHash('sha256').update(`key ${number}`).digest());
}

/** What a challenge says. */
export interface Challenged {
  readonly nonce: Uint8Array;
  readonly serverUuid: string;
}

/** A proof of an instance over a challenge; `signed` changes what is signed, and `sent` what is sent besides. */
export function proofOf(
  key: SigningKey,
  uuid: string,
  { nonce, serverUuid }: Challenged,
  signed: Partial<SignedContent> = {},
  sent: Partial<Proof> = {},
): Proof {
  const content: SignedContent = {
    purpose: ProofPurpose.SESSION,
    serverUuid,
    nonce,
    network: 'default',
    identityUuid: uuid,
    instanceUuid: uuid,
    keyId: key.keyId,
    bindingKind: 0,
    binding: Buffer.alloc(0),
    ...signed,
  };
  return {
    purpose: content.purpose,
    nonce: Buffer.from(nonce),
    publicKey: key.publicKey,
    signature: key.sign(signedBytes(content)),
    bindingKind: content.bindingKind,
    binding: Buffer.from(content.binding),
    identityUuid: uuid,
    ...sent,
  };
}
