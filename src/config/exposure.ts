import { type Address, isLoopback } from '../base/address.js';
import type { AuthMode } from '../core/model/trust/policy.js';

/** Where callers with credentials are served. STUN has none, and metrics know no network. */
const LISTENERS = [
  'listen',
  'systemTcpListen',
  'systemTlsListen',
  'systemWsListen',
  'systemWssListen',
  'consoleListen',
  'webListen',
] as const;

/** Where callers are served, by the options that say so. */
export type ServedListeners = { readonly [N in (typeof LISTENERS)[number]]?: Address | undefined };

/** The options that decide how callers are let in. */
export interface AuthChoice extends ServedListeners {
  readonly auth?: AuthMode | undefined;
  readonly allowOpen: boolean;
}

/** Whether others than the programs of this machine can reach a port where callers are served. */
export function isExposed(listeners: ServedListeners): boolean {
  return LISTENERS.some((name) => {
    const address = listeners[name];
    return address !== undefined && !isLoopback(address);
  });
}

/** The mode below which a process does not go: what `--auth` says or, beyond loopback and without `--allow-open`, `required`. */
export function leastMode(config: AuthChoice): AuthMode {
  return config.auth ?? (isExposed(config) && !config.allowOpen ? 'required' : 'open');
}
