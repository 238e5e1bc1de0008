import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Address, formatAddress, isLoopback, parseAddress } from '../base/address.js';

const WILDCARDS = new Set(['0.0.0.0', '::']);

/**
 * The addresses under which a listener can be reached: its own, or, where it listens on all, those of this machine's
 * interfaces. Link-local ones are left out, since they mean something else to everybody.
 */
export function reachableAddresses({ host, port }: Address): string[] {
  if (!WILDCARDS.has(host)) return [formatAddress({ host, port })];
  const hosts = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, address }) => (host === '::' || family === 'IPv4') && !address.startsWith('fe80:'))
    .map(({ address }) => address)
    .sort((x, y) => Number(isIPv6(x)) - Number(isIPv6(y)) || (x < y ? -1 : 1));
  return [...new Set(hosts)].map((one) => formatAddress({ host: one, port }));
}

/** Of addresses those that other machines can use; those of the loopback only where there is nothing else. */
export function usefulAddresses(addresses: readonly string[]): readonly string[] {
  const far = addresses.filter((address) => !isLoopback(parseAddress(address)));
  return far.length > 0 ? far : addresses;
}
