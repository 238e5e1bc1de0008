import type { Clock } from '../../base/clock.js';
import { Fault } from '../../core/model/fault.js';
import type { Principal } from '../../core/model/trust/principal.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Asker } from './asker.js';
import type { NetworkMonth } from './network-month.js';
import { roleLimit } from './role-limit.js';

/** The calls of so long may come at once. */
const BURST_MS = 1_000;

/** Parts of a millisecond that adding up many calls can be off by. */
const ROUNDING_MS = 1e-3;

/** What a call meter stands on. */
export interface CallMeterDeps {
  readonly state: Pick<StateView, 'policy'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** As whom somebody asks. */
  readonly principal: (asker: Asker) => Principal | undefined;
  /** What was used in this month. */
  readonly month: NetworkMonth;
}

/**
 * Counts the calls of each identity in one network, at both doors, and refuses those beyond what the policy lets its roles make. The
 * administrator's token and callers without an identity are not counted.
 */
export class CallMeter {
  readonly #deps: CallMeterDeps;
  /**
   * Until when the calls that an identity has made take at its rate, by the monotonic clock. At most one for each identity of the
   * network: those that have passed are removed each second in which something is called.
   */
  readonly #busyUntilMs = new Map<string, number>();
  #sweepAtMs = 0;
  /** Calls under way that were counted: a server that is behind tries them twice. */
  readonly #counted = new WeakSet<object>();

  constructor(deps: CallMeterDeps) {
    this.#deps = deps;
  }

  /** How many identities it remembers. */
  get size(): number {
    return this.#busyUntilMs.size;
  }

  /** Counts a call, unless this object was counted before; or says why it must not be made now, and counts nothing. */
  take(asker: Asker, call: object): Fault | undefined {
    const { state, principal } = this.#deps;
    // Most policies say nothing of limits.
    if (!state.policy?.policy.limits.size || asker.isAdmin || this.#counted.has(call)) return undefined;
    const { identityUuid = '', roles = [] } = principal(asker) ?? {};
    if (identityUuid === '') return undefined;
    const fault = this.#takeOf(identityUuid, roles);
    if (fault === undefined) this.#counted.add(call);
    return fault;
  }

  #takeOf(uuid: string, roles: readonly string[]): Fault | undefined {
    const { state, month } = this.#deps;
    const perSecond = roleLimit(state, 'callsPerSecond', roles);
    const perMonth = roleLimit(state, 'callsPerMonth', roles);
    const over = perMonth === undefined ? undefined : month.refuse(uuid, 'calls', perMonth);
    if (over !== undefined) return over;
    const fault = perSecond === undefined ? undefined : this.#pace(uuid, perSecond);
    if (fault === undefined && perMonth !== undefined) month.add(uuid, 'calls', 1);
    return fault;
  }

  #pace(uuid: string, perSecond: number): Fault | undefined {
    const nowMs = this.#deps.clock.nowMs();
    this.#sweep(nowMs);
    const busyUntilMs = Math.max(this.#busyUntilMs.get(uuid) ?? nowMs, nowMs) + 1_000 / perSecond;
    const waitMs = Math.ceil(busyUntilMs - nowMs - BURST_MS - ROUNDING_MS);
    if (waitMs > 0) {
      const message = `${perSecond} calls a second of one identity are the limit of its roles; try again in ${waitMs} ms`;
      return new Fault('RATE_LIMITED', message, [], waitMs);
    }
    this.#busyUntilMs.set(uuid, busyUntilMs);
    return undefined;
  }

  #sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs) return;
    this.#sweepAtMs = nowMs + BURST_MS;
    for (const [uuid, untilMs] of this.#busyUntilMs) if (untilMs <= nowMs) this.#busyUntilMs.delete(uuid);
  }
}
