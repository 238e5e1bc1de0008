import {
  type AuthMode,
  type BindKeyResponse,
  type ExplainResponse,
  type GetIdentityResponse,
  type GetPolicyResponse,
  type Identity,
  IdentityKind,
  IdentityServiceService,
  type LoginResponse,
  type PutPolicyResponse,
  type RevokeIdentityResponse,
  type RotateKeyResponse,
  type UpdateIdentityResponse,
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

/** What is said of an identity. What is absent does not change. */
export interface IdentityDescription {
  readonly kind?: IdentityKind | undefined;
  /** `agent`, `client`, `observer`, `operator`, `admin`: all that it has from now on. */
  readonly roles?: readonly string[] | undefined;
  /** Unique in the network. Empty: none. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** How a policy is put. */
export interface PutPolicyOptions extends CallOptions {
  /** Only check it. */
  readonly validateOnly?: boolean | undefined;
  /** Only in place of the policy of this revision; 0: of none. */
  readonly ifRevision?: bigint | undefined;
}

/** Who instances are and what keys they have: the calls of IdentityService. Most need an administrator. */
export class Identities {
  constructor(private readonly caller: Caller) {}

  /** How the server lets callers in. Needs no credential. */
  async mode(options: CallOptions = {}): Promise<AuthMode> {
    const { channel, clock, random, life } = this.caller;
    const anybody = { channel, clock, random, life, credentials: async () => ({}), failed: () => false };
    return (await call(anybody, IdentityServiceService.challenge, { network: '' }, options)).mode;
  }

  /** Who the caller is, as far as its credentials prove it. */
  whoAmI(options: CallOptions = {}): Promise<Complete<WhoAmIResponse>> {
    return call(this.caller, IdentityServiceService.whoAmI, {}, options);
  }

  /** Logs in by a key of an identity: gives the token for calls of a principal that has no session. */
  async login(uuid: string, key: SigningKey, options: RotateOptions = {}): Promise<Complete<LoginResponse>> {
    const { bindProofs = true, ...rest } = options;
    const wanted = { purpose: ProofPurpose.LOGIN, uuid, isBound: bindProofs };
    const proofs = await proveKeys(this.caller, wanted, [key], options.signal ?? this.caller.life);
    if (proofs === undefined) throw new SwitchyardError(StatusCode.UNIMPLEMENTED, 'this server knows no keys');
    return call(this.caller, IdentityServiceService.login, { proof: proofs[0] }, rest);
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

  /** Says what an identity is and what it may do: what is given changes. */
  update(
    identityUuid: string,
    described: IdentityDescription,
    options: CallOptions = {},
  ): Promise<Complete<UpdateIdentityResponse>> {
    const { kind = IdentityKind.UNSPECIFIED, roles = [], name = '', labels = {} } = described;
    const updateMask = Object.entries(described).flatMap(([path, value]) => (value === undefined ? [] : path));
    const request = { identityUuid, kind, roles: [...roles], name, labels: { ...labels }, updateMask };
    return call(this.caller, IdentityServiceService.updateIdentity, request, options);
  }

  /** Reads the network's policy. */
  getPolicy(options: CallOptions = {}): Promise<Complete<GetPolicyResponse>> {
    return call(this.caller, IdentityServiceService.getPolicy, {}, options);
  }

  /** Gives the network another policy, or with `validateOnly` says whether it could. */
  putPolicy(document: string, options: PutPolicyOptions = {}): Promise<Complete<PutPolicyResponse>> {
    const { validateOnly = false, ifRevision, ...rest } = options;
    return call(this.caller, IdentityServiceService.putPolicy, { document, validateOnly, ifRevision }, rest);
  }

  /** Says whether an identity may do something with another, each by its UUID or its name, and why. */
  explain(
    {
      from,
      permission,
      to = '',
    }: { readonly from: string; readonly permission: string; readonly to?: string | undefined },
    options: CallOptions = {},
  ): Promise<Complete<ExplainResponse>> {
    return call(this.caller, IdentityServiceService.explain, { from, permission, to }, options);
  }

  /** Revokes an identity: its session ends, and it opens none any more. */
  revoke(identityUuid: string, options: CallOptions = {}): Promise<Complete<RevokeIdentityResponse>> {
    return call(this.caller, IdentityServiceService.revokeIdentity, { identityUuid }, options);
  }
}
