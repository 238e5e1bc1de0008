import { IdentityServiceService, type Proof } from '../../../gen/switchyard/v1/identity.js';
import { BindingKind, DEFAULT_NETWORK, type ProofPurpose, signedBytes } from '../../trust/signed-bytes.js';
import type { SigningKey } from '../../trust/signing-key.js';
import { call } from '../channel/call.js';
import type { Caller } from '../channel/caller.js';
import { SwitchyardError } from '../error.js';
import { StatusCode } from '../status.js';

/** What a proof is made for. */
export interface ProofRequest {
  readonly purpose: ProofPurpose;
  /** Whose key it is, in the 36-character form. Of an instance, the instance itself. */
  readonly uuid: string;
  /** The instance whose session it is about. Default: the identity itself. */
  readonly instance?: string | undefined;
  /** Whether to bind it to the certificate that the server shows. */
  readonly isBound: boolean;
}

/**
 * Makes proofs by keys of one identity, one for each key, over one challenge of the server's. Undefined: the server is of a
 * release that knows no keys.
 *
 * A proof is good for one call, and for a minute.
 */
export async function proveKeys(
  caller: Caller,
  { purpose, uuid, instance = uuid, isBound }: ProofRequest,
  keys: readonly SigningKey[],
  signal: AbortSignal,
): Promise<Proof[] | undefined> {
  const challenge = await askForChallenge(caller, signal);
  if (challenge === undefined) return undefined;
  const { nonce, serverUuid } = challenge;
  const leaf = isBound ? caller.channel.leafKeyId?.() : undefined;
  const bindingKind = leaf === undefined ? BindingKind.NONE : BindingKind.TLS_LEAF;
  const binding = leaf === undefined ? Buffer.alloc(0) : Buffer.from(leaf);
  const { network = DEFAULT_NETWORK } = caller.channel;
  const plain = { purpose, nonce, bindingKind, binding };
  return keys.map((key) => {
    const who = { identityUuid: uuid, instanceUuid: instance, keyId: key.keyId };
    const signature = key.sign(signedBytes({ ...plain, ...who, serverUuid, network }));
    return { ...plain, signature, publicKey: key.publicKey, identityUuid: uuid };
  });
}

/** Asks for a challenge. Undefined: the server is of a release that knows no keys. */
export async function askForChallenge(caller: Caller, signal: AbortSignal) {
  try {
    return await call(caller, IdentityServiceService.challenge, { network: '' }, { signal });
  } catch (error) {
    if (error instanceof SwitchyardError && error.code === StatusCode.UNIMPLEMENTED) return undefined;
    throw error;
  }
}
