import type { Config } from '../config/options.js';
import { AUTH_MODES } from '../core/model/trust/policy.js';
import type { StateView } from '../core/store/state-view.js';

/** A start that would let in more callers than the network's policy does. */
export class WeakerModeError extends Error {
  override readonly name = 'WeakerModeError';
}

/** Throws a {@link WeakerModeError} when `--auth` is weaker than what the network's policy says. A new network has none yet. */
export function checkMode({ policy }: Pick<StateView, 'policy'>, { auth }: Config, isNew: boolean): void {
  if (isNew) return;
  const stored = policy?.policy.auth ?? 'open';
  if (auth === undefined || AUTH_MODES.indexOf(auth) >= AUTH_MODES.indexOf(stored)) return;
  throw new WeakerModeError(
    `--auth ${auth} is weaker than the network's policy, which says ${stored}: leave --auth out, or lower it with switchyard policy apply`,
  );
}
