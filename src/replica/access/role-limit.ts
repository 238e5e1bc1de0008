import { identityOf } from '../../core/model/session.js';
import type { RoleLimits } from '../../core/model/trust/policy.js';
import type { StateView } from '../../core/store/state-view.js';

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

/** How fast the sessions of one identity may send to relays, all together; undefined: the policy says nothing of it. */
export function relayRate(
  { policy, sessions }: Pick<StateView, 'policy' | 'sessions'>,
  gatekeeper: { limitOf(what: keyof RoleLimits, sid: number): number | undefined },
  sid: number,
): { readonly holder: string; readonly bytesPerSecond: number } | undefined {
  // Each block asks, and most policies say nothing.
  const session = policy?.policy.limits.size ? sessions.get(sid) : undefined;
  const bytesPerSecond = session && gatekeeper.limitOf('relayedBytesPerSecond', sid);
  return session && bytesPerSecond ? { holder: identityOf(session), bytesPerSecond } : undefined;
}
