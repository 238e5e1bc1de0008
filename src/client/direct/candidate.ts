import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressBytes, addressText, type Endpoint } from '../../stun/address.js';
import { PUNCH_LIMITS } from './limits.js';

/** How a candidate's address is known. The numbers are those of `switchyard.v1.CandidateType`. */
export const CandidateType = { HOST: 1, REFLEXIVE: 2, RELAY: 3 } as const;
/** One of the numbers of {@link CandidateType}. */
export type CandidateType = (typeof CandidateType)[keyof typeof CandidateType];

/** An address at which an instance may be reached. Source: `switchyard.v1.Candidate`. */
export interface Candidate extends Endpoint {
  readonly type: CandidateType;
  /** The higher the sooner it is tried. */
  readonly priority: number;
}

/** The type preferences of RFC 8445, section 5.1.2.2. */
const TYPE_PREFERENCE = { [CandidateType.HOST]: 126, [CandidateType.REFLEXIVE]: 100, [CandidateType.RELAY]: 0 };

/** The priority of RFC 8445, section 5.1.2.1: IPv6 before IPv4, and among equals the one that was named first. */
export function candidate(type: CandidateType, at: Endpoint, rank: number): Candidate {
  const localPreference = (isIPv6(at.host) ? 0xffff : 0x7fff) - rank;
  return { ...at, type, priority: TYPE_PREFERENCE[type] * 2 ** 24 + localPreference * 2 ** 8 + 255 };
}

/** The peer's candidates in the order in which they are tried: no port that cannot be, nothing twice, not too many. */
export function ordered(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return [...candidates]
    .sort((one, other) => other.priority - one.priority)
    .flatMap((one) => {
      const bytes = addressBytes(one.host);
      if (bytes === undefined || one.type === CandidateType.RELAY || one.port < 1 || one.port > 65_535) return [];
      const plain = { ...one, host: addressText(bytes) };
      const key = endpointText(plain);
      if (seen.has(key)) return [];
      seen.add(key);
      return [plain];
    })
    .slice(0, PUNCH_LIMITS.candidatesMax);
}

/** 4 or 6. */
export type Family = 4 | 6;

/** The family of an address. */
export function familyOf(host: string): Family {
  return isIPv6(host) ? 6 : 4;
}

/** The address that stands for all of one's own. */
export function anyAddress(family: Family): string {
  return family === 6 ? '::' : '0.0.0.0';
}

/** HOST:PORT for people, with brackets where IPv6 needs them. */
export function endpointText({ host, port }: Endpoint): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** One's own addresses that somebody else may reach: no loopback, and no link-local ones, which need a zone. */
export function hostAddresses(family: Family): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && familyOf(address) === family && !isLinkLocal(address))
    .map(({ address }) => addressText(addressBytes(address)!));
  return [...new Set(addresses)].slice(0, PUNCH_LIMITS.hostAddressesMax);
}

function isLinkLocal(address: string): boolean {
  return /^(fe[89ab]|169\.254\.)/i.test(address);
}
