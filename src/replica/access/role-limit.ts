import type { StateView } from '../../core/store/state-view.js';

/** The most of what the policy lets one session of any of these roles have; undefined: it says nothing of it. */
export function roleLimit(
  { policy }: Pick<StateView, 'policy'>,
  what: 'streams' | 'connections',
  roles: readonly string[],
): number | undefined {
  const limits = policy?.policy.limits;
  if (limits === undefined || limits.size === 0) return undefined;
  const known = roles.flatMap((role) => limits.get(role)?.[what] ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}
