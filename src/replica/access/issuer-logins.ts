import { hash } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { keyFault } from '../../core/decide/policy/opener.js';
import { Fault } from '../../core/model/fault.js';
import { IdentityKind, KeyOrigin } from '../../core/model/trust/identity.js';
import type { Origin } from '../../shares/origin.js';
import { claimRoles } from '../../trust/oidc/claim-roles.js';
import type { IssuerLimits } from '../../trust/oidc/limits.js';
import { subjectUuid } from '../../trust/oidc/subject-uuid.js';
import type { TokenVerifier, VerifiedToken } from '../../trust/oidc/token-verifier.js';
import { vouchedKey } from '../../trust/vouched-key.js';
import type { Replica } from '../replica.js';
import type { AccessHolder } from './access-tokens.js';

/** Time charged to an address for each token that is checked, in ms: a thread verifies RSA or ECDSA, and it is parsed twice. */
const TOKEN_MS = 0.5;

/** What {@link IssuerLogins} stands on. */
export interface IssuerLoginsDeps {
  /** The network's name: one subject is another identity in each. */
  readonly network: string;
  readonly replica: Replica;
  readonly verifier: TokenVerifier;
  readonly clock: Clock;
  readonly limits: Pick<IssuerLimits, 'rememberedMax' | 'freshMs'>;
  /** Counts time that an address has used. */
  readonly charge: (origin: Origin, ms: number) => void;
}

/** How often a token is checked when the policy is replaced meanwhile: administrators put one now and then. */
const ATTEMPTS_MAX = 3;

type EndingAccess = AccessHolder & { readonly untilMs: number };

interface Remembered {
  readonly access: AccessHolder;
  /** The revision of the policy that it was good by. */
  readonly policy: number;
  /** Until when it is taken without asking whether its issuer still has the key, by the monotonic clock. */
  readonly untilMs: number;
}

/**
 * Lets in who brings a token of an issuer of the policy. The subject is an identity, which comes with the first token that the policy
 * gives a role to; each newer token gives it the roles that its claims come to. A token that was good is remembered by its hash, so
 * that only the first call with it verifies anything.
 */
export class IssuerLogins {
  readonly #deps: IssuerLoginsDeps;
  /** By the token's hash, the oldest first. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(deps: IssuerLoginsDeps) {
    this.#deps = deps;
  }

  /** How many tokens are remembered. */
  get count(): number {
    return this.#remembered.size;
  }

  /** As whom a call with a token is made, or why the token is not taken. */
  async accept(token: string, origin: Origin): Promise<AccessHolder | Fault> {
    const { replica, verifier, clock, limits, charge } = this.#deps;
    const digest = hash('sha256', token, 'buffer').toString('latin1');
    const known = this.#find(digest);
    if (known !== undefined) return known;
    for (let attempt = 1; ; attempt++) {
      charge(origin, TOKEN_MS);
      const policyRevision = revisionOf(replica);
      const checkedAtMs = clock.nowMs();
      const verified = await verifier.verify(token, replica.state.policy?.policy.issuers ?? []);
      if (verified instanceof Fault) return verified;
      const access = await this.#admit(verified, policyRevision);
      // It was checked by the rules of a policy that was replaced meanwhile.
      if (policyRevision !== revisionOf(replica) && attempt < ATTEMPTS_MAX) continue;
      if (access instanceof Fault) return access;
      bound(this.#remembered, limits.rememberedMax);
      const untilMs = Math.min(access.untilMs, checkedAtMs + limits.freshMs);
      this.#remembered.set(digest, { access, policy: policyRevision, untilMs });
      return access;
    }
  }

  #find(digest: string): AccessHolder | undefined {
    const { replica, clock } = this.#deps;
    const found = this.#remembered.get(digest);
    if (found === undefined) return undefined;
    const { access, policy, untilMs } = found;
    const isGood = policy === revisionOf(replica) && clock.nowMs() < untilMs;
    // Whoever was forgotten meanwhile comes anew.
    if (isGood && this.#fault(access) === undefined) return access;
    this.#remembered.delete(digest);
    return undefined;
  }

  #fault({ uuid, keyId }: AccessHolder): Fault | undefined {
    const { replica, clock } = this.#deps;
    const identity = replica.state.identities.get(uuid);
    if (identity === undefined) return new Fault('AUTH_REQUIRED', `identity ${uuid} is not known here`);
    return keyFault(identity, keyId, clock.wallMs());
  }

  async #admit(verified: VerifiedToken, policyRevision: number): Promise<EndingAccess | Fault> {
    const { issuer, subject, claims, issuedAtMs, untilMs } = verified;
    const { replica, clock } = this.#deps;
    const uuid = subjectUuid(this.#deps.network, issuer.issuer, subject);
    const vouched = vouchedKey(`${issuer.issuer} ${subject}`);
    const roles = claimRoles(issuer.roles, claims);
    const identity = replica.state.identities.get(uuid);
    if (identity === undefined && roles.length === 0) {
      return new Fault('AUTH_REQUIRED', `the policy gives ${JSON.stringify(subject)} of ${issuer.issuer} no role`);
    }
    const access: EndingAccess = {
      uuid,
      keyId: vouched.keyId,
      via: 'issuer',
      untilMs: clock.nowMs() + untilMs - clock.wallMs(),
    };
    const identityKind = issuer.kind === 'person' ? IdentityKind.PERSON : IdentityKind.SERVICE;
    const what = { uuid, identityKind, ...vouched, origin: KeyOrigin.ISSUER, roles, atMs: clock.wallMs() };
    const applied = await replica.submit({ kind: 'AdmitIdentity', ...what, issuedAtMs, policyRevision });
    return applied instanceof Fault ? applied : access;
  }
}

/** The revision of the policy that holds; 0 without one. */
function revisionOf({ state }: Replica): number {
  return state.policy?.revision ?? 0;
}

/** Makes room for one more: the oldest goes. */
function bound(map: Map<string, unknown>, max: number): void {
  for (const oldest of map.keys()) {
    if (map.size < max) return;
    map.delete(oldest);
  }
}
