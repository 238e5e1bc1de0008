import type { Clock } from '../../base/clock.js';
import { keyFault } from '../../core/decide/policy/opener.js';
import { Fault } from '../../core/model/fault.js';
import { namesOf } from '../../core/model/network.js';
import type { CertificateClaim, ShownCertificate } from '../../core/model/trust/certificate.js';
import { IdentityKind, KeyOrigin } from '../../core/model/trust/identity.js';
import { vouchedKey } from '../../trust/vouched-key.js';
import type { Replica } from '../replica.js';
import type { AccessHolder } from './access-tokens.js';
import type { Gatekeeper } from './gatekeeper.js';

/** What {@link CertificateLogins} stands on. */
export interface CertificateLoginsDeps {
  readonly replica: Replica;
  readonly gatekeeper: Pick<Gatekeeper, 'mode' | 'network'>;
  readonly clock: Clock;
}

/**
 * Lets in who has shown a client certificate of an authority that the server believes in. The instance of its URI is an identity, which
 * comes with the first use of such a certificate: in `required` where the policy gives its trust domain roles, else always. What is
 * kept is the URI and not the certificate, so that another certificate of the same URI goes on where one ends.
 *
 * An identity that has other keys is not taken by a certificate: then the certificate proves nothing, and its key does.
 */
export class CertificateLogins {
  readonly #deps: CertificateLoginsDeps;

  constructor(deps: CertificateLoginsDeps) {
    this.#deps = deps;
  }

  /** As whom calls of a connection are made, or why not; undefined where its certificate proves nothing. */
  accept(claim: CertificateClaim | undefined): AccessHolder | undefined | Fault | Promise<AccessHolder | Fault> {
    const found = this.find(claim);
    if (found !== undefined || claim === undefined || claim instanceof Fault) return found;
    return this.#deps.replica.state.identities.get(claim.uuid) === undefined ? this.#admit(claim) : undefined;
  }

  /** The same without letting anybody in who is not known. */
  find(claim: CertificateClaim | undefined): AccessHolder | undefined | Fault {
    if (claim === undefined || claim instanceof Fault) return claim;
    const { replica, gatekeeper, clock } = this.#deps;
    const { uri, network, uuid } = claim;
    const names = namesOf(gatekeeper.network);
    if (!names.includes(network)) {
      const own = names.join(' or ');
      return new Fault('CERTIFICATE_INVALID', `the client certificate is for the network ${network}; this is ${own}`);
    }
    const { keyId } = vouchedKey(uri);
    const identity = replica.state.identities.get(uuid);
    if (identity === undefined) return undefined;
    const fault = keyFault(identity, keyId, clock.wallMs());
    if (fault === undefined) return this.#accessOf(claim, keyId);
    const isKnown = identity.revoked || identity.barred.includes(keyId) || identity.keys.some(({ id }) => id === keyId);
    return isKnown ? fault : undefined;
  }

  #accessOf({ uuid, goodUntilMs }: ShownCertificate, keyId: string): AccessHolder {
    const { clock } = this.#deps;
    return { uuid, keyId, via: 'certificate', untilMs: clock.nowMs() + goodUntilMs - clock.wallMs() };
  }

  #admit(claim: ShownCertificate): undefined | Promise<AccessHolder | Fault> {
    const { uri, uuid, trustDomain } = claim;
    const { replica, gatekeeper, clock } = this.#deps;
    const row = replica.state.policy?.policy.certificates.find((one) => one.trustDomain === trustDomain);
    if (row === undefined && gatekeeper.mode === 'required') return undefined;
    const vouched = vouchedKey(uri);
    const what = { uuid, identityKind: IdentityKind.INSTANCE, ...vouched, origin: KeyOrigin.CERTIFICATE };
    const given = row === undefined ? what : { ...what, roles: row.roles };
    const admitted = replica.submit({ kind: 'AdmitIdentity', ...given, atMs: clock.wallMs() });
    return admitted.then((applied) => (applied instanceof Fault ? applied : this.#accessOf(claim, vouched.keyId)));
  }
}
