import { hostname, networkInterfaces } from 'node:os';
import { plainAddress } from '../base/address.js';
import type { Config } from '../config/options.js';

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '::1'];
/** What a certificate can have as a name; a machine may be called otherwise. */
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;
/** More addresses than this are those of containers that come and go. */
const NAMES_MAX = 64;

/**
 * Names and addresses by which clients may reach the server, for its certificate: the hosts of its ports, this machine's name and,
 * where a port listens on all addresses, those of its interfaces.
 */
export function reachableNames(config: Config): string[] {
  const { listen, consoleListen, webListen, metricsListen, systemTlsListen, systemWssListen } = config;
  const hosts = [listen, consoleListen, webListen, metricsListen, systemTlsListen, systemWssListen].flatMap(
    (address) => (address === undefined ? [] : [address.host]),
  );
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const ofMachine = interfaces.map(({ address }) => address).filter((address) => !address.startsWith('fe80:'));
  const named = hosts.filter((host) => !WILDCARDS.has(host));
  const all = [...named, ...LOOPBACK, hostname(), ...(named.length < hosts.length ? ofMachine.sort() : [])];
  const names = all.map(plainAddress).filter((name) => name.includes(':') || HOST_NAME.test(name));
  return [...new Set(names)].slice(0, NAMES_MAX);
}
