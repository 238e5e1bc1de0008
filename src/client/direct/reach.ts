import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressBytes, type Endpoint, isPrivateAddress } from '../../stun/address.js';
import { type Candidate, familyOf } from './candidate.js';
import type { PairOutcome } from './path.js';

/** An interface of this machine, as Node tells of it. */
export type Interfaces = ReturnType<typeof networkInterfaces>;

/**
 * Which addresses this end dials because a peer names them. A peer could name any: so what is private is dialled only in the
 * networks that this machine is directly attached to, where the peer could be, and never what leads nowhere but to this
 * machine itself or to a single link. Loopback is dialled only where this end itself is reached there: then all are on one
 * machine, the server too.
 */
export class Reach {
  readonly #attached = new BlockList();
  readonly #isLocal: boolean;

  /** `own`: where this end may be reached. */
  constructor(own: readonly Candidate[], interfaces: Interfaces = networkInterfaces()) {
    this.#isLocal = own.some(({ host }) => isLoopbackAddress(addressBytes(host)));
    for (const { cidr, internal, family } of Object.values(interfaces).flatMap((all) => all ?? [])) {
      const [network, length] = cidr?.split('/') ?? [];
      if (internal || network === undefined || length === undefined) continue;
      this.#attached.addSubnet(network, Number(length), family === 'IPv6' ? 'ipv6' : 'ipv4');
    }
  }

  /** Whether this end dials an address that a peer names. */
  dials(host: string): boolean {
    const bytes = addressBytes(host);
    if (bytes === undefined || isNobodys(bytes)) return false;
    if (isLoopbackAddress(bytes)) return this.#isLocal;
    return !isPrivateAddress(bytes) || this.#attached.check(host, familyOf(host) === 6 ? 'ipv6' : 'ipv4');
  }
}

/** What is said of an address that is not dialled. */
export function notDialled(remote: Endpoint): PairOutcome {
  return { local: { host: '', port: 0 }, remote, outcome: 'not dialled: it is not in a network of this end' };
}

/** Addresses of no machine (unspecified, multicast, reserved), and those that mean another one on every link. */
function isNobodys(bytes: Buffer): boolean {
  const [first, second] = bytes;
  if (bytes.length === 4) return first === 0 || first >= 224 || (first === 169 && second === 254);
  return first === 0xff || (first === 0xfe && (second & 0xc0) === 0x80) || bytes.every((byte) => byte === 0);
}

function isLoopbackAddress(bytes: Buffer | undefined): boolean {
  if (bytes === undefined) return false;
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes.every((byte, at) => byte === Number(at === bytes.length - 1));
}
