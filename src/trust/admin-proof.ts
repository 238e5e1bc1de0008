import { createHmac, timingSafeEqual } from 'node:crypto';
import { HASH_BYTES, sized, uuidBytes } from './signed-bytes.js';

/** Bytes of the nonce by which a client asks a server to prove that it knows the administrator's token. */
export const ADMIN_NONCE_BYTES = 32;

const LABEL = Buffer.from('switchyard-admin-proof-v1\0', 'latin1');

/** What a server's proof is about. */
export interface AdminProofContent {
  readonly serverUuid: string;
  /** The client's, {@link ADMIN_NONCE_BYTES} bytes. */
  readonly nonce: Uint8Array;
  /** SHA-256 of the key in the server's certificate, as the client saw it; undefined in plain text. */
  readonly binding: Uint8Array | undefined;
}

/**
 * The proof that somebody knows the administrator's token: an HMAC over a nonce of who asks. The token cannot be read from
 * it; one that is easily guessed can be tried against it.
 */
export function adminProof(token: string, { serverUuid, nonce, binding }: AdminProofContent): Buffer {
  const mac = createHmac('sha256', token);
  mac
    .update(LABEL)
    .update(uuidBytes(serverUuid))
    .update(sized('nonce', nonce, ADMIN_NONCE_BYTES));
  if (binding !== undefined) mac.update(sized('binding', binding, HASH_BYTES));
  return mac.digest();
}

/** Whether that is the proof of who knows the token. */
export function isAdminProof(proof: Uint8Array, token: string, content: AdminProofContent): boolean {
  return proof.length === HASH_BYTES && timingSafeEqual(proof, adminProof(token, content));
}
