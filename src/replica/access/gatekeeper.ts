import type { Clock } from '../../base/clock.js';
import { type Access, authorize, type Subject } from '../../core/decide/policy/authorize.js';
import { grantedPorts } from '../../core/decide/policy/permits.js';
import { visiblePeer } from '../../core/decide/policy/visible.js';
import type { Change } from '../../core/model/change.js';
import { Fault } from '../../core/model/fault.js';
import { DEFAULT_NETWORK_REF, type NetworkRef } from '../../core/model/network.js';
import type { Position } from '../../core/model/position.js';
import { identityOf, type Session } from '../../core/model/session.js';
import { IdentityKind } from '../../core/model/trust/identity.js';
import {
  type GrantedPermission,
  isMetered,
  type Method,
  OPEN_PERMISSIONS,
  type Permission,
  ruleOf,
} from '../../core/model/trust/permission.js';
import {
  type AuthMode,
  type Policy,
  type PortRange,
  type RoleLimits,
  stricter,
} from '../../core/model/trust/policy.js';
import { type Principal, principalName } from '../../core/model/trust/principal.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Origin } from '../../shares/origin.js';
import { type GuardableSource, GuardedSource } from '../guarded-source.js';
import type { AccessTokens } from './access-tokens.js';
import type { Asker } from './asker.js';
import { CallMeter, type CallMeterDeps } from './call-meter.js';
import { PrincipalFinder } from './principal-finder.js';
import { roleLimit } from './role-limit.js';
import { ShownIdentities } from './shown-identities.js';
import { StandingCalls } from './standing-calls.js';
import { ADMINISTRATOR, expiredFault, refuseNobody, unknownIdentity } from './subjects.js';
import { overFault } from './token.js';

/** What `required` would refuse, and to whom. */
export interface ObservedRefusal {
  readonly fault: Fault;
  readonly method: Method;
  readonly origin: Origin;
  /** As {@link Gatekeeper.nameOf} says it. */
  readonly who: string | undefined;
}

/** What a gatekeeper needs. */
export interface GatekeeperDeps extends Pick<CallMeterDeps, 'month'> {
  /** Whose gates it keeps; absent: those of the default network. */
  readonly network?: NetworkRef | undefined;
  readonly state: StateView;
  /** The mode below which this process does not go, whatever the policy says. */
  readonly floor: AuthMode;
  /**
   * False: a token is good on every connection, for balancers that spread the calls of one client. That of a session that others
   * vouch for is while they do.
   */
  readonly bindsSessions: boolean;
  /** Those who have logged in. */
  readonly tokens: AccessTokens;
  readonly clock: Pick<Clock, 'nowMs' | 'wallMs' | 'after'>;
  /** Told, in the mode `observe`, of what `required` would refuse. */
  readonly observed?: ((refusal: ObservedRefusal) => void) | undefined;
}

const OPEN: ReadonlySet<string> = new Set(OPEN_PERMISSIONS);
const NO_GRANTS: Pick<Policy, 'grants'> = { grants: [] };

/**
 * Says, to both doors, who may do what: it knows the mode that holds, who is behind a session, and on which connections that was
 * proved. What is decided then is `authorize` in the core.
 */
export class Gatekeeper {
  readonly #deps: GatekeeperDeps;
  /** Whose gates it keeps. */
  readonly network: NetworkRef;
  /** What counts the calls of identities. */
  readonly calls: CallMeter;
  /** Who has shown itself where. */
  readonly shown: ShownIdentities;
  readonly #standing: StandingCalls;
  readonly #principals: PrincipalFinder;
  #cutOff: Fault | undefined;

  constructor(deps: GatekeeperDeps) {
    this.#deps = deps;
    this.network = deps.network ?? DEFAULT_NETWORK_REF;
    this.shown = new ShownIdentities({ clock: deps.clock, isByConnection: deps.bindsSessions });
    this.#standing = new StandingCalls(deps);
    this.#principals = new PrincipalFinder({ ...deps, network: this.network });
    this.calls = new CallMeter({ ...deps, principal: (asker) => this.principal(asker) });
  }

  /** The mode that holds now. */
  get mode(): AuthMode {
    const { state, floor } = this.#deps;
    return stricter(state.policy?.policy.auth ?? 'open', floor);
  }

  /** Those who have logged in. */
  get tokens(): AccessTokens {
    return this.#deps.tokens;
  }

  /** Ends everything in `required`, and refuses it: who calls may have been revoked. Undefined: this server hears of that again. */
  set cutOff(fault: Fault | undefined) {
    this.#cutOff = fault;
    this.#standing.recheck();
  }

  /** The principal that a call is made as. */
  principal(asker: Asker): Principal | undefined {
    return this.#principals.subject(asker, this.mode).principal;
  }

  /** Whether a proof may be bound like this. */
  takesBinding(isBound: boolean): boolean {
    const bindings = this.#deps.state.policy?.policy.bindings;
    return bindings === undefined || bindings.includes(isBound ? 'tls' : 'none');
  }

  /** The principal of a session that a proof has opened. */
  principalOf(session: Session): Principal | undefined {
    return this.#principals.principalOf(session);
  }

  /** Whether a caller is somebody, or nobody has to be. */
  isKnown(asker: Asker): boolean {
    return refuseNobody(this.#access(), this.#principals.subject(asker, this.mode)) === undefined;
  }

  /**
   * Whether a call renews the session whose token it came with: in `required` only where the token is good on the connection, and while
   * the roles of its identity allow a session. One that has lost its role expires, whatever it goes on to ask for.
   */
  renews(sid: number, asker: Asker): boolean {
    if (this.mode !== 'required') return true;
    const { origin } = asker;
    const holder = { sid, isAdmin: false, origin, hasShown: (uuid: string) => asker.hasShown(uuid) };
    const subject = this.#principals.subject(holder, 'required');
    return authorize(this.#access(), subject, 'session.own') === undefined;
  }

  /** As whom a command is stored that this caller asks for; undefined for nobody. */
  nameOf(asker: Asker): string | undefined {
    if (asker.isAdmin) return principalName(ADMINISTRATOR);
    const { principal } = this.#principals.subject(asker, this.mode);
    return principal && principalName(principal);
  }

  /** The identity that a caller is; undefined for nobody, and for the administrator's token. */
  identityOf(asker: Asker): string | undefined {
    return asker.isAdmin ? undefined : this.#principals.subject(asker, this.mode).principal?.identityUuid;
  }

  /** Why a method must not begin; undefined when it may. `call` is the same object when it is tried again: it is counted once. */
  admit(method: Method, asker: Asker, call: object): Fault | undefined {
    const { needs, others, shows } = ruleOf(method);
    if (needs === 'nothing' || shows) return undefined;
    const spent = isMetered(method) ? this.calls.take(asker, call) : undefined;
    if (spent !== undefined) return spent;
    // Most calls of most servers end here.
    if (this.mode === 'open' && (needs === 'principal' || OPEN.has(needs))) return undefined;
    return this.#decide(method, asker, (access, subject) => {
      if (needs === 'principal') return refuseNobody(access, subject);
      const fault = authorize(access, subject, needs);
      return fault === undefined || others === undefined ? fault : authorize(access, subject, others) && fault;
    });
  }

  /** Why a caller that has just shown itself on its connection may not go on; undefined when it may. */
  admitShown(method: Method, asker: Asker): Fault | undefined {
    const { needs } = ruleOf(method);
    return this.refuse(needs as Permission, asker, method);
  }

  /** Whether a caller has a permission, with no target. */
  may(permission: Permission, asker: Asker): boolean {
    if (this.mode === 'open' && OPEN.has(permission)) return true;
    return authorize(this.#access(), this.#principals.subject(asker, this.mode), permission) === undefined;
  }

  /** Why a caller has no such permission; undefined when it has. */
  refuse(permission: Permission, asker: Asker, method: Method): Fault | undefined {
    if (this.mode === 'open' && OPEN.has(permission)) return undefined;
    return this.#decide(method, asker, (access, subject) => authorize(access, subject, permission));
  }

  /**
   * Why a caller may not do something with a session; undefined when it may, or when there is no such session and the caller may
   * know that. One that it must not see is answered exactly as one that is not there, by `absent`.
   */
  refuseTarget(
    permission: GrantedPermission,
    asker: Asker,
    { sid, method, absent }: { readonly sid: number; readonly method: Method; readonly absent: (sid: number) => Fault },
  ): Fault | undefined {
    if (this.mode === 'open') return undefined;
    return this.#decide(method, asker, (access, subject) => {
      if (access.mode !== 'required') return undefined;
      const session = this.#deps.state.sessions.get(sid);
      const fault =
        session === undefined ? absent(sid) : authorize(access, subject, permission, this.#principals.party(session));
      if (fault === undefined) return undefined;
      return this.#sees(access, subject, asker, sid) ? (session === undefined ? undefined : fault) : absent(sid);
    });
  }

  /** Why a caller may not end another's session; undefined when it may. Who may not even know of the session is told no more than that. */
  refuseTermination(asker: Asker, sid: number): Fault | undefined {
    const refused = this.refuse('session.terminate', asker, 'TerminateSession');
    return refused === undefined || this.sees(asker, sid)
      ? refused
      : new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  }

  /** Why a session may not create a stream to these sinks; undefined when it may. */
  refuseStream(asker: Asker, sid: number, sinks: readonly number[]): Fault | undefined {
    const { streams, limits } = this.#deps.state;
    const absent = (sink: number) => new Fault('NODE_NOT_FOUND', `no session ${sink} to be a sink`);
    // More than the core's limit are refused there.
    for (const sink of this.mode === 'open' ? [] : sinks.slice(0, limits.sinksPerStreamMax)) {
      const target = { sid: sink, method: 'CreateStream', absent } as const;
      const refused = this.refuseTarget('stream.create', asker, target);
      if (refused !== undefined) return refused;
    }
    const max = this.limitOf('streams', sid);
    if (max === undefined) return undefined;
    const owned = streams.of(sid).filter(({ id, owner }) => owner === sid && id !== sid);
    if (owned.length < max) return undefined;
    return new Fault('NETWORK_LIMIT', `${max} streams of one session are the limit of its roles`);
  }

  /** Whether what one session does with another may go on. In `open` and `observe` everything may. */
  grants(permission: GrantedPermission, from: number, to: number): boolean {
    const access = this.#access();
    if (access.mode !== 'required') return true;
    const { sessions } = this.#deps.state;
    const [session, target] = [sessions.get(from), sessions.get(to)];
    // What ends with its session needs nothing here.
    if (session === undefined || target === undefined) return true;
    const subject = { principal: undefined, party: this.#principals.party(session), isAdministrator: false };
    return authorize(access, subject, permission, this.#principals.party(target)) === undefined;
  }

  /** The ports of a session that another one may reach by its connections; undefined: all that it opens, as in `open` and `observe`. */
  portsOf(from: number, to: number): readonly PortRange[] | undefined {
    const { sessions } = this.#deps.state;
    const [session, target] = [sessions.get(from), sessions.get(to)];
    const { mode, policy } = this.#access();
    if (mode !== 'required' || session === undefined || target === undefined) return undefined;
    return grantedPorts(policy, this.#principals.party(session), this.#principals.party(target));
  }

  /** Whether a caller may know of a session or a node: it reads the graph, is it, or has something to do with it. */
  sees(asker: Asker, sid: number): boolean {
    return this.mode === 'open' || this.#sees(this.#access(), this.#principals.subject(asker, this.mode), asker, sid);
  }

  /** Why a session may not be opened by a proof of this identity, which may be not known yet, or without one; undefined when it may. */
  refuseOpening(uuid: string, isProven: boolean, origin: Origin): Fault | undefined {
    if (this.mode === 'open') return undefined;
    const identity = isProven ? this.#deps.state.identities.get(uuid) : undefined;
    const { kind = IdentityKind.INSTANCE, roles = [] } = identity ?? {};
    const principal: Principal | undefined = isProven
      ? { network: this.network.name, identityUuid: uuid, kind, roles, via: 'session' }
      : undefined;
    const subject = { principal, party: identity, isAdministrator: false };
    const asker = { sid: undefined, isAdmin: false, origin, hasShown: () => true };
    return this.#decide('Session', asker, (access) => {
      const fault = authorize(access, subject, 'session.open');
      return fault !== undefined && isProven && identity === undefined ? unknownIdentity(uuid) : fault;
    });
  }

  /** The most that the policy lets a session have or do of this; undefined: it says nothing of it. */
  limitOf(what: keyof RoleLimits, sid: number): number | undefined {
    const session = this.#deps.state.sessions.get(sid);
    return roleLimit(this.#deps.state, what, (session && this.principalOf(session)?.roles) ?? []);
  }

  /** A source that ends when its reader may not read it any more. */
  guard<M>(source: GuardableSource<M>, method: Method, asker: Asker): GuardedSource<M> {
    const guarded: GuardedSource<M> = new GuardedSource(source, () => forget());
    const forget = this.hold(method, asker, (fault) => guarded.refuse(fault));
    return guarded;
  }

  /** Calls `end` once as soon as a caller may not go on with what it has begun. Answers with how to forget that. */
  hold(method: Method, asker: Asker, end: (fault: Fault) => void): () => void {
    const { others } = ruleOf(method);
    const readsAll = others !== undefined && this.may(others, asker);
    const refusal = () => (readsAll ? this.refuse(others, asker, method) : this.admitShown(method, asker));
    const { sid, access } = asker;
    const check = () => {
      const fault = refusal();
      return fault && this.#cause(asker, fault);
    };
    return this.#standing.add({ sid, access, nextMs: () => this.#nextEndMs(asker), check, end });
  }

  /** Ends what may not go on after these changes. */
  publish(_position: Position, changes: readonly Change[]): void {
    this.#standing.publish(changes);
  }

  /** When what somebody asks by ends next. What has ended already is not waited for. */
  #nextEndMs(asker: Asker): number {
    const { sid, access } = asker;
    const session = sid === undefined ? undefined : this.#deps.state.sessions.get(sid);
    const ends = [access?.untilMs, session && asker.shownUntilMs?.(identityOf(session))];
    const nowMs = this.#deps.clock.nowMs();
    return Math.min(...ends.map((endMs = nowMs) => (endMs > nowMs ? endMs : Number.POSITIVE_INFINITY)));
  }

  /** Why somebody who could go on until now is refused: the end of its session or its access token, where that is the cause. */
  #cause({ sid, access }: Asker, fault: Fault): Fault {
    const { state } = this.#deps;
    if (sid !== undefined && !state.sessions.has(sid)) return overFault(state, sid);
    return access !== undefined && this.#principals.isExpired(access) ? expiredFault(access.via ?? 'token') : fault;
  }

  #decide(
    method: Method,
    asker: Asker,
    decide: (access: Access, subject: Subject) => Fault | undefined,
  ): Fault | undefined {
    const access = this.#access();
    if (access.mode === 'observe') {
      const would = decide({ ...access, mode: 'required' }, this.#principals.subject(asker, 'required'));
      if (would !== undefined) {
        this.#deps.observed?.({ fault: would, method, origin: asker.origin, who: this.nameOf(asker) });
      }
    }
    // The administrators' token is revoked by no log, and is what one looks with why a server is cut off.
    if (access.mode === 'required' && this.#cutOff !== undefined && !asker.isAdmin) return this.#cutOff;
    return decide(access, this.#principals.subject(asker, access.mode));
  }

  #access(): Access {
    return { mode: this.mode, policy: this.#deps.state.policy?.policy ?? NO_GRANTS };
  }

  #sees(access: Access, subject: Subject, { sid: own }: Asker, sid: number): boolean {
    if (authorize(access, subject, 'graph.read') === undefined) return true;
    return own !== undefined && visiblePeer(this.#deps.state, own, sid);
  }
}
