import type { Clock } from '../../base/clock.js';
import type { Subject } from '../../core/decide/policy/authorize.js';
import { keyFault } from '../../core/decide/policy/opener.js';
import type { NetworkRef } from '../../core/model/network.js';
import { identityOf, type Session } from '../../core/model/session.js';
import { isVouchedFor } from '../../core/model/trust/identity.js';
import type { AuthMode, GrantParty } from '../../core/model/trust/policy.js';
import type { Principal } from '../../core/model/trust/principal.js';
import type { StateView } from '../../core/store/state-view.js';
import type { AccessHolder } from './access-tokens.js';
import type { Asker } from './asker.js';
import { ADMINISTRATOR, isDisowned, partyOf } from './subjects.js';

/** What a {@link PrincipalFinder} stands on. */
export interface PrincipalFinderDeps {
  /** Whose principals they are. */
  readonly network: NetworkRef;
  readonly state: StateView;
  /** False: the token of a session is good on every connection, unless others vouch for the session. */
  readonly bindsSessions: boolean;
  readonly clock: Pick<Clock, 'nowMs' | 'wallMs'>;
}

/** Finds out as whom somebody asks: behind a session, an access token, or the administrator's token. */
export class PrincipalFinder {
  readonly #deps: PrincipalFinderDeps;

  constructor(deps: PrincipalFinderDeps) {
    this.#deps = deps;
  }

  /** As whom somebody asks. In `required` a session counts only where its identity has shown itself. */
  subject(asker: Asker, mode: AuthMode): Subject {
    const { state } = this.#deps;
    const isAdministrator = asker.isAdmin;
    const session = asker.sid === undefined ? undefined : state.sessions.get(asker.sid);
    const counts = session !== undefined && (mode !== 'required' || this.#counts(asker, session));
    const ofSession = counts ? this.principalOf(session) : undefined;
    const principal = ofSession ?? (asker.access && this.#holder(asker.access));
    return { principal, party: principal && partyOf(state, principal), isAdministrator };
  }

  /** The principal of a session that a proof has opened. */
  principalOf(session: Session): Principal | undefined {
    const uuid = identityOf(session);
    const { keyId } = session;
    if (keyId === undefined) return undefined;
    const identity = this.#deps.state.identities.get(uuid);
    if (identity === undefined || identity.revoked || isDisowned(this.#deps.state, identity, keyId)) return undefined;
    return {
      network: this.#deps.network.name,
      identityUuid: uuid,
      kind: identity.kind,
      roles: identity.roles,
      via: 'session',
    };
  }

  /** What grants look at of a session's identity; of one of which nothing was proved, only its UUID. */
  party(session: Session): GrantParty {
    const identity = session.keyId === undefined ? undefined : this.#deps.state.identities.get(identityOf(session));
    return identity ?? { uuid: session.uuid, name: '', roles: [], labels: {} };
  }

  /** Whether what somebody has logged in with has ended. */
  isExpired({ untilMs }: AccessHolder): boolean {
    return untilMs !== undefined && untilMs <= this.#deps.clock.nowMs();
  }

  #counts(asker: Asker, session: Session): boolean {
    return asker.hasShown(identityOf(session)) || !(this.#deps.bindsSessions || this.#isVouchedFor(session));
  }

  /** Whether a session was opened by the word of an authority or an issuer, which has an end. */
  #isVouchedFor(session: Session): boolean {
    const identity = this.#deps.state.identities.get(identityOf(session));
    return identity?.keys.some((key) => key.id === session.keyId && isVouchedFor(key)) === true;
  }

  /** The principal that has logged in, if it still is one and its key is good. */
  #holder(access: AccessHolder): Principal | undefined {
    const { uuid, keyId, roles, via = 'access' } = access;
    const { state, clock } = this.#deps;
    if (this.isExpired(access)) return undefined;
    if (roles !== undefined) return { ...ADMINISTRATOR, network: this.#deps.network.name, roles, via };
    const identity = state.identities.get(uuid);
    if (identity === undefined || keyFault(identity, keyId, clock.wallMs()) !== undefined) return undefined;
    if (isDisowned(state, identity, keyId)) return undefined;
    return { network: this.#deps.network.name, identityUuid: uuid, kind: identity.kind, roles: identity.roles, via };
  }
}
