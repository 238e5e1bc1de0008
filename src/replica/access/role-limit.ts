import type { Fault } from '../../core/model/fault.js';
import { identityOf } from '../../core/model/session.js';
import type { RoleLimits } from '../../core/model/trust/policy.js';
import type { StateView } from '../../core/store/state-view.js';
import type { NetworkMonth } from './network-month.js';

/** The most of what the policy lets one session of any of these roles have; undefined: it says nothing of it. */
export function roleLimit(
  { policy }: Pick<StateView, 'policy'>,
  what: keyof RoleLimits,
  roles: readonly string[],
): number | undefined {
  const limits = policy?.policy.limits;
  if (limits === undefined || limits.size === 0) return undefined;
  const known = roles.flatMap((role) => limits.get(role)?.[what] ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** What the sessions of one identity may send to relays, all together; undefined: the policy says nothing of it. */
export function relayQuota(
  { policy, sessions }: Pick<StateView, 'policy' | 'sessions'>,
  gatekeeper: { limitOf(what: keyof RoleLimits, sid: number): number | undefined },
  month: NetworkMonth,
  sid: number,
): RelayQuota | undefined {
  // Each block asks, and most policies say nothing.
  const session = policy?.policy.limits.size ? sessions.get(sid) : undefined;
  if (session === undefined) return undefined;
  const bytesPerSecond = gatekeeper.limitOf('relayedBytesPerSecond', sid);
  const bytesPerMonth = gatekeeper.limitOf('relayedBytesPerMonth', sid);
  if (bytesPerSecond === undefined && bytesPerMonth === undefined) return undefined;
  const holder = identityOf(session);
  if (bytesPerMonth === undefined) return { holder, bytesPerSecond };
  const ofMonth = {
    add: (bytes: number) => month.add(holder, 'bytes', bytes),
    refuse: () => month.refuse(holder, 'bytes', bytesPerMonth),
  };
  return { holder, bytesPerSecond, month: ofMonth };
}

/** What `src/relay` asks of a quota. */
interface RelayQuota {
  readonly holder: string;
  readonly bytesPerSecond: number | undefined;
  readonly month?: { add(bytes: number): void; refuse(): Fault | undefined };
}
