import type { Proof } from '../../../gen/switchyard/v1/identity.js';
import { IdentityKind, type Role } from '../../../src/core/model/trust/identity.js';
import { type ProofPurpose, signedBytes } from '../../../src/trust/signed-bytes.js';
import type { SigningKey } from '../../../src/trust/signing-key.js';
import { keyNamed } from '../clients/keys.js';
import type { Actor } from './rights.js';

/** The networks of a world. Each has the same UUIDs, with other keys. */
export const NETWORKS = ['default', 'north'] as const;
/** Who is in each of them. The last one is a person, with several sessions. */
const ROLES: readonly Role[] = ['agent', 'agent', 'client', 'client', 'observer', 'operator', 'admin', 'client'];

/** An identity of a world, what it has been given, and what others come to know of it. */
export interface Member extends Actor {
  readonly role: Role;
  readonly kind: IdentityKind;
  readonly key: SigningKey;
  /** The connection that it calls on. */
  readonly peer: string;
  /** Its session, as it was opened last. */
  sid: number;
  token: string | undefined;
  access: string | undefined;
  readonly streams: number[];
  readonly orders: string[];
  readonly connections: string[];
  /** Its newest proofs, which were used. */
  readonly proofs: Proof[];
}

/** All identities of a world. */
export function makeMembers(): Member[] {
  return NETWORKS.flatMap((network, at) => ROLES.map((role, number) => makeMember(network, role, at, number)));
}

function makeMember(network: string, role: Role, at: number, number: number): Member {
  const uuid = `00000000-0000-4000-8000-${String(number + 1).padStart(12, '0')}`;
  const key = keyNamed(`${uuid} of ${network}`);
  const isPerson = number === ROLES.length - 1;
  return {
    ...{ network, uuid, role, key, sid: 0, token: undefined, access: undefined },
    ...{ streams: [], orders: [], connections: [], proofs: [] },
    keyIds: new Set([key.keyId.toString('latin1')]),
    kind: isPerson ? IdentityKind.PERSON : IdentityKind.INSTANCE,
    peer: `192.0.2.${1 + at * ROLES.length + number}:1`,
  };
}

/** What a proof says, and whose key signs it. */
export interface ProofContent {
  readonly purpose: ProofPurpose;
  readonly identityUuid: string;
  readonly instanceUuid: string;
  readonly network: string;
  /** The key that it names. */
  readonly named: SigningKey;
  readonly signer: SigningKey;
}

/** A proof over a challenge. */
export function proofOf(
  { nonce, serverUuid }: { readonly nonce: Uint8Array; readonly serverUuid: string },
  { purpose, identityUuid, instanceUuid, network, named, signer }: ProofContent,
): Proof {
  const plain = { purpose, nonce: Buffer.from(nonce), bindingKind: 0, binding: Buffer.alloc(0) };
  const who = { identityUuid, instanceUuid, keyId: named.keyId, network, serverUuid };
  const signature = signer.sign(signedBytes({ ...plain, ...who }));
  return { ...plain, publicKey: named.publicKey, signature, identityUuid };
}
