import { type Address, isLoopback } from '../base/address.js';
import type { AuthMode } from '../core/model/policy.js';
import type { Config } from './config.js';

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

/** Whether others than the programs of this machine can reach a port where callers are served. */
export function isExposed(config: Pick<Config, (typeof LISTENERS)[number]>): boolean {
  return LISTENERS.some((name) => {
    const address: Address | undefined = config[name];
    return address !== undefined && !isLoopback(address);
  });
}

/** The mode below which a process does not go: what `--auth` says or, beyond loopback and without `--allow-open`, `required`. */
export function leastMode(config: Config): AuthMode {
  return config.auth ?? (isExposed(config) && !config.allowOpen ? 'required' : 'open');
}
