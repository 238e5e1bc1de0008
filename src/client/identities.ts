import {
  type BindKeyResponse,
  type GetIdentityResponse,
  type Identity,
  IdentityServiceService,
  type RevokeIdentityResponse,
  type RotateKeyResponse,
  type WhoAmIResponse,
} from '../../gen/switchyard/v1/identity.js';
import { ProofPurpose } from '../trust/signed-bytes.js';
import type { SigningKey } from '../trust/signing-key.js';
import { type CallOptions, type Complete, call } from './call.js';
import type { Caller } from './caller.js';
import { type ListOptions, pages } from './calls.js';
import { SwitchyardError } from './error.js';
import { proveKeys } from './proof.js';
import { StatusCode } from './status.js';

/** How a key is rotated. */
export interface RotateOptions extends CallOptions {
  /** False: the proofs are not bound to the server's certificate, for a proxy that ends TLS. */
  readonly bindProofs?: boolean | undefined;
}

/** Who instances are and what keys they have: the calls of IdentityService. Most need an administrator. */
export class Identities {
  constructor(private readonly caller: Caller) {}

  /** Who the caller is, as far as its credentials prove it. */
  whoAmI(options: CallOptions = {}): Promise<Complete<WhoAmIResponse>> {
    return call(this.caller, IdentityServiceService.whoAmI, {}, options);
  }

  /** Reads one identity. */
  get(identityUuid: string, options: CallOptions = {}): Promise<Complete<GetIdentityResponse>> {
    return call(this.caller, IdentityServiceService.getIdentity, { identityUuid }, options);
  }

  /** Lists the identities, in the order in which they were bound. */
  list(options: ListOptions = {}): AsyncGenerator<Identity, void, undefined> {
    return pages(options, async (pageSize, pageToken) => {
      const request = { pageSize, pageToken };
      const page = await call(this.caller, IdentityServiceService.listIdentities, request, options);
      return { items: page.identities, next: page.nextPageToken };
    });
  }

  /** Gives an identity a new key, by the one that it has. The older stays good for a while: see the answer. */
  async rotate(
    uuid: string,
    keys: { readonly old: SigningKey; readonly next: SigningKey },
    options: RotateOptions = {},
  ): Promise<Complete<RotateKeyResponse>> {
    const { bindProofs = true, ...rest } = options;
    const wanted = { purpose: ProofPurpose.ROTATE, uuid, isBound: bindProofs };
    const signal = options.signal ?? this.caller.life;
    const proofs = await proveKeys(this.caller, wanted, [keys.old, keys.next], signal);
    if (proofs === undefined) throw new SwitchyardError(StatusCode.UNIMPLEMENTED, 'this server knows no keys');
    const [oldProof, newProof] = proofs;
    return call(this.caller, IdentityServiceService.rotateKey, { oldProof, newProof }, rest);
  }

  /** Replaces all keys of an identity by one: see BindKey. */
  bind(identityUuid: string, publicKey: Uint8Array, options: CallOptions = {}): Promise<Complete<BindKeyResponse>> {
    const request = { identityUuid, publicKey: Buffer.from(publicKey) };
    return call(this.caller, IdentityServiceService.bindKey, request, options);
  }

  /** Forgets an identity and its keys: its UUID is as one that has never shown a key. */
  async forget(identityUuid: string, options: CallOptions = {}): Promise<void> {
    await call(this.caller, IdentityServiceService.forgetKey, { identityUuid }, options);
  }

  /** Revokes an identity: its session ends, and it opens none any more. */
  revoke(identityUuid: string, options: CallOptions = {}): Promise<Complete<RevokeIdentityResponse>> {
    return call(this.caller, IdentityServiceService.revokeIdentity, { identityUuid }, options);
  }
}
