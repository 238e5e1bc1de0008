import { BlockList, isIP } from 'node:net';
import { hasZone, plainAddress } from '../base/address.js';
import { ValueError } from '../base/value-error.js';
import { addressBytes, addressText } from '../stun/address.js';

/** A set of networks, for options such as `--address-exempt 10.0.0.0/8,fd00::/8`. */
export class AddressSet {
  static readonly NONE = new AddressSet([]);
  readonly #list = new BlockList();
  /** How it is written. */
  readonly text: string;

  private constructor(networks: readonly Network[]) {
    for (const { host, prefix, family } of networks) this.#list.addSubnet(host, prefix, family);
    this.text = networks.map(({ host, prefix }) => `${host}/${prefix}`).join(',');
  }

  /** Reads networks and addresses, separated by commas. Throws a {@link ValueError} that names the one that is wrong. */
  static parse(text: string): AddressSet {
    return new AddressSet(text.split(',').map(readNetwork));
  }

  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    return this.text === '';
  }

  /** Whether an address is in one of the networks. What is no address is in none. */
  has(host: string): boolean {
    if (this.isEmpty) return false;
    const plain = plainAddress(host);
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }
}

interface Network {
  readonly host: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

function readNetwork(text: string): Network {
  const [host = '', prefixText, ...more] = text.split('/');
  if (!hasZone(host) && plainAddress(host) !== host) {
    throw wrong(text, 'is an IPv4 address written as IPv6: write it as IPv4, which counts for both');
  }
  const bytes = addressBytes(host);
  if (bytes === undefined || more.length > 0) {
    throw wrong(text, 'is no network: write an address, or ADDRESS/BITS, such as 10.0.0.0/8 or fd00::/8');
  }
  const bits = 8 * bytes.length;
  if (prefixText !== undefined && (!/^\d{1,3}$/.test(prefixText) || Number(prefixText) > bits)) {
    throw wrong(text, `must have 0-${bits} bits behind the slash`);
  }
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  const network = addressText(masked(bytes, prefix));
  if (network !== addressText(bytes)) {
    throw wrong(text, `has bits behind its first ${prefix}: write ${network}/${prefix}`);
  }
  return { host: network, prefix, family: bytes.length === 4 ? 'ipv4' : 'ipv6' };
}

function masked(bytes: Uint8Array, prefix: number): Uint8Array {
  return bytes.map((byte, at) => byte & (0xff00 >> Math.max(0, Math.min(8, prefix - 8 * at))) & 0xff);
}

function wrong(text: string, why: string): ValueError {
  return new ValueError(`${JSON.stringify(text)} ${why}`);
}
