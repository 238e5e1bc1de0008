import type { Clock, Timer } from '../../base/clock.js';
import type { Change } from '../../core/model/change.js';
import type { Fault } from '../../core/model/fault.js';
import { identityOf } from '../../core/model/session.js';
import type { Identity } from '../../core/model/trust/identity.js';
import type { StateView } from '../../core/store/state-view.js';
import type { AccessHolder, AccessTokens } from './access-tokens.js';
import type { NetworkMonth } from './network-month.js';
import { isDisowned } from './subjects.js';

/** Least time between two looks at what expires: an access token's hour is kept to this. */
const LOOK_MS = 1_000;
/** Most time until the next look: a certificate is good for years, and no timer is. */
const LOOK_MS_MAX = 86_400_000;

/** Something that goes on only while its caller may do it: a watch, an attachment, a relay, a connection of system events. */
export interface StandingCall {
  /** The session by which it was begun; undefined without one. */
  readonly sid: number | undefined;
  /** The access token by which it was begun; undefined without one. */
  readonly access: AccessHolder | undefined;
  /** The next time at which what it rests on may have ended, by the monotonic clock; infinite where nothing of that ends. */
  nextMs(): number;
  /** Why it must not go on; undefined while it may. */
  check(): Fault | undefined;
  /** Ends it with this refusal. Called once. */
  end(fault: Fault): void;
}

/** What standing calls need. */
export interface StandingCallsDeps {
  readonly state: StateView;
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  /** Those of an identity end with the key by which they were given. */
  readonly tokens: Pick<AccessTokens, 'endUnless' | 'endAllUnless'>;
  /** What an identity has used of its quotas goes with it. */
  readonly month: Pick<NetworkMonth, 'forget'>;
}

/**
 * Ends what may not go on: after a change of the policy, of the identity that began it or of its session, and when the access token has
 * expired by which it was begun, or the word of others by which its session counts. Access tokens end for good with their key, so that none is
 * good again when the same key is.
 *
 * It costs nothing while nothing of that happens: a call is looked at only when its own identity changes, or the policy.
 */
export class StandingCalls {
  readonly #deps: StandingCallsDeps;
  /** By the identity that they were begun as; those of nobody under the empty UUID. */
  readonly #byIdentity = new Map<string, Set<StandingCall>>();
  /** Those that rest on something that ends, and when to look at each. */
  readonly #expiring = new Map<StandingCall, number>();
  /** As whom each was begun. */
  readonly #uuids = new Map<StandingCall, string>();
  /**
   * Those of the policy that was put last, undefined before the first: ending the tokens of 65,536 that have logged in by an issuer that is gone
   * takes 110 to 160 ms of CPU time.
   */
  #issuers: ReadonlySet<string> | undefined;
  #timer: Timer | undefined;
  #lookAtMs = Number.POSITIVE_INFINITY;

  constructor(deps: StandingCallsDeps) {
    this.#deps = deps;
  }

  /** How many go on. */
  get count(): number {
    return this.#uuids.size;
  }

  /** Ends this one as soon as it may not go on. Answers with how to forget it, for when it has ended by itself. */
  add(call: StandingCall): () => void {
    const uuid = this.#uuidOf(call);
    const all = this.#byIdentity.get(uuid) ?? new Set();
    this.#byIdentity.set(uuid, all.add(call));
    this.#uuids.set(call, uuid);
    this.#watch(call);
    return () => this.#forget(call);
  }

  /** Ends all that may not go on. */
  recheck(): void {
    for (const uuid of [...this.#byIdentity.keys()]) this.#recheck(uuid);
  }

  /** Ends what may not go on after these changes. */
  publish(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'PolicyPut') this.#policyPut();
      else if (change.kind === 'IdentityPut') this.#identityPut(change.identity);
      else if (change.kind === 'IdentityForgotten') this.#identityForgotten(change.identity);
      else if (change.kind === 'SessionClosed') this.#recheck(identityOf(change.session));
    }
  }

  #policyPut(): void {
    const { policy } = this.#deps.state;
    const named: ReadonlySet<string> = new Set(policy?.policy.issuers.map(({ issuer }) => issuer));
    const former = this.#issuers;
    this.#issuers = named;
    if (former === undefined || [...former].some((issuer) => !named.has(issuer))) this.#endDisowned();
    this.recheck();
  }

  #endDisowned(): void {
    const { state, tokens } = this.#deps;
    tokens.endAllUnless(({ uuid, keyId }) => {
      const identity = state.identities.get(uuid);
      return identity === undefined || !isDisowned(state, identity, keyId);
    });
  }

  #identityPut({ uuid, revoked, keys }: Identity): void {
    this.#deps.tokens.endUnless(uuid, (keyId) => !revoked && keys.some(({ id }) => id === keyId));
    this.#recheck(uuid);
  }

  #identityForgotten({ uuid }: Identity): void {
    this.#deps.tokens.endUnless(uuid, () => false);
    this.#deps.month.forget(uuid);
    this.#recheck(uuid);
  }

  #recheck(uuid: string): void {
    for (const call of [...(this.#byIdentity.get(uuid) ?? [])]) this.#endIfRefused(call);
  }

  #endIfRefused(call: StandingCall): void {
    const fault = call.check();
    if (fault === undefined) {
      this.#watch(call);
      return;
    }
    this.#forget(call);
    call.end(fault);
  }

  /** What it rests on may be good for longer by now than when it was looked at last. */
  #watch(call: StandingCall): void {
    const nextMs = call.nextMs();
    if (nextMs === Number.POSITIVE_INFINITY) this.#expiring.delete(call);
    else {
      this.#expiring.set(call, nextMs);
      this.#lookAt(nextMs);
    }
  }

  #lookAt(nextMs: number): void {
    if (nextMs >= this.#lookAtMs) return;
    const { clock } = this.#deps;
    this.#timer?.cancel();
    this.#lookAtMs = nextMs;
    const leftMs = Math.ceil(nextMs - clock.nowMs());
    this.#timer = clock.after(Math.min(Math.max(LOOK_MS, leftMs), LOOK_MS_MAX), () => this.#endExpired());
  }

  #endExpired(): void {
    this.#lookAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#deps.clock.nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [call, atMs] of [...this.#expiring]) {
      if (atMs > nowMs) nextMs = Math.min(nextMs, atMs);
      else this.#endIfRefused(call);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#lookAt(nextMs);
  }

  #forget(call: StandingCall): void {
    const uuid = this.#uuids.get(call);
    if (uuid === undefined) return;
    this.#uuids.delete(call);
    this.#expiring.delete(call);
    const all = this.#byIdentity.get(uuid);
    all?.delete(call);
    if (all?.size === 0) this.#byIdentity.delete(uuid);
  }

  /** Of a call by session and access token, the session's: it goes on as that. */
  #uuidOf({ sid, access }: StandingCall): string {
    const session = sid === undefined ? undefined : this.#deps.state.sessions.get(sid);
    return session === undefined ? (access?.uuid ?? '') : identityOf(session);
  }
}
