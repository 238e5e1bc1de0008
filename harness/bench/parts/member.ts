import { createHash } from 'node:crypto';
import type { Proof } from '../../../gen/switchyard/v1/identity.js';
import { type ProofPurpose, signedBytes } from '../../../src/trust/signed-bytes.js';
import { SigningKey } from '../../../src/trust/signing-key.js';
import type { Challenged } from './fleet-connection.js';

const NO_BINDING = Buffer.alloc(0);

/** One instance of a fleet, with the key by which it proves itself. */
export interface Member {
  readonly uuid: string;
  readonly key: SigningKey;
  /** Of its session, once that is open. */
  token: string;
}

/** The member with a number: the same UUID and key in every run. */
export function memberOf(at: number): Member {
  const secret = createHash('sha256').update(`proofs ${at}`).digest();
  const uuid = `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`;
  return { uuid, key: SigningKey.fromSecret(secret), token: '' };
}

/** Its proof over a challenge, without a binding. */
export function proofOf({ uuid, key }: Member, purpose: ProofPurpose, { nonce, serverUuid }: Challenged): Proof {
  const plain = { purpose, nonce, bindingKind: 0, binding: NO_BINDING };
  const who = { identityUuid: uuid, instanceUuid: uuid, keyId: key.keyId };
  const signature = key.sign(signedBytes({ ...plain, ...who, serverUuid, network: 'default' }));
  return { ...plain, nonce: Buffer.from(nonce), signature, publicKey: key.publicKey, identityUuid: uuid };
}
