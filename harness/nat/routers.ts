/**
 * How a router treats what passes it, in the words of RFC 4787 (UDP) and RFC 5382 (TCP).
 *
 * - `none`: it only forwards; what is behind it has public addresses.
 * - `eif`: endpoint-independent mapping and filtering. Whoever knows the mapped port gets in ("full cone").
 * - `apdf`: endpoint-independent mapping, address-and-port-dependent filtering. The mapped port is the same for every
 *   peer, but only who was sent something gets in, and only from where it was sent to.
 * - `edm`: endpoint-dependent mapping. Every peer sees another port, so the one that STUN saw is worth nothing.
 */
export type NatKind = 'none' | 'eif' | 'apdf' | 'edm';

/** Every kind, in the order of the tables in the documentation. */
export const NAT_KINDS: readonly NatKind[] = ['none', 'eif', 'apdf', 'edm'];

/** Whether it lets in whoever knows the mapped port. */
export function letsStrangersIn(kind: NatKind): boolean {
  return kind === 'none' || kind === 'eif';
}

/**
 * Where theory lets two ends meet: unless one of them sends from a port that nobody can know (`edm`) to another that
 * takes nothing from a port it has not sent to (`apdf`, `edm`).
 */
export function reachable(a: NatKind, b: NatKind): boolean {
  return !((a === 'edm' && !letsStrangersIn(b)) || (b === 'edm' && !letsStrangersIn(a)));
}

/**
 * What no router answers: a SYN from outside for which it has no mapping. RFC 5382, section 4.3 (REQ-4), asks for
 * silence, because a reset would end a simultaneous open that is only a few milliseconds early.
 */
const SILENCE = `
table inet silence {
  chain input { type filter hook input priority 0; iifname "wan" ct state new drop; iifname "wan" ct state invalid drop; }
}`;

/** Only what answers something, or was let in by a mapping, reaches the inside. */
const FILTER = `
table inet inside {
  chain forward {
    type filter hook forward priority 0;
    iifname "wan" ct state established,related accept
    iifname "wan" ct status dnat accept
    iifname "wan" drop
  }
}`;

/**
 * The nftables rules of a router with the interfaces `wan` and `lan`.
 *
 * Linux's masquerade keeps the source port wherever it can, and with one host inside it always can: that is
 * endpoint-independent mapping. Its filter is connection tracking, which knows both addresses and both ports. What is
 * missing for `eif` is a way in for strangers: each mapping that is made is written into a map, and what comes from
 * outside is sent to the inside by that map. So a port that was never used from the inside leads nowhere.
 */
export function routerRules(kind: NatKind): string {
  switch (kind) {
    case 'none':
      return '';
    case 'apdf':
      return `${SILENCE}${FILTER}
table ip nat {
  chain postrouting { type nat hook postrouting priority 100; oifname "wan" masquerade; }
}`;
    case 'edm':
      return `${SILENCE}${FILTER}
table ip nat {
  chain postrouting { type nat hook postrouting priority 100; oifname "wan" masquerade random,fully-random; }
}`;
    case 'eif':
      return `${SILENCE}${FILTER}
table ip nat {
  map mapped {
    type inet_proto . inet_service : ipv4_addr
    size 4096
    flags dynamic,timeout
    timeout 10m
  }
  chain postrouting {
    type nat hook postrouting priority 100
    oifname "wan" update @mapped { meta l4proto . th sport : ip saddr } masquerade
  }
  chain prerouting { type nat hook prerouting priority -100; iifname "wan" dnat to meta l4proto . th dport map @mapped; }
}`;
  }
}

/** A NAT of a provider that the routers of several sites have before them. */
export interface Carrier {
  /** Whose routers, at least one. */
  readonly sites: readonly string[];
  /** How it treats what passes it. One that leads back to itself is `eif`, as only that knows where a mapped port leads. */
  readonly kind: Exclude<NatKind, 'none'>;
  /** Whether one site reaches the other by the mapped address (RFC 4787, REQ-9), or nothing comes back from there. */
  readonly hairpin: boolean;
}

/** The nftables rules of a provider's NAT: as a router's, and what becomes of packets from inside to its own public address. */
export function carrierRules({ kind, hairpin }: Carrier, address: string): string {
  const silent = `${routerRules(kind)}
table inet back {
  chain input { type filter hook input priority 0; iifname != "wan" ip daddr ${address} drop; }
}`;
  if (!hairpin) return silent;
  if (kind !== 'eif') throw new Error(`a NAT of the kind ${kind} cannot lead back to itself here`);
  return `${silent}
table ip nat {
  chain back-in {
    type nat hook prerouting priority -101
    iifname != "wan" ip daddr ${address} meta l4proto { tcp, udp } dnat to meta l4proto . th dport map @mapped
  }
  chain back-out { type nat hook postrouting priority 101; oifname != "wan" ct status dnat snat to ${address}; }
}`;
}

/** IPv6 has no translation here, only a filter that lets nothing in that was not asked for. */
export const IPV6_FILTER = `
table ip6 inside {
  chain forward {
    type filter hook forward priority 0;
    iifname "wan" ct state established,related accept
    iifname "wan" drop
  }
}`;

/** Drops `percent` of what the core of the network forwards, whichever way it goes. */
export function lossRules(percent: number): string {
  return `
table inet loss {
  chain forward { type filter hook forward priority 0; numgen random mod 1000 < ${Math.round(percent * 10)} drop; }
}`;
}

/**
 * What a site's network lets out, besides what its router does:
 *
 * - `no-udp`: everything but UDP.
 * - `tcp-443`: TCP to port 443 and nothing else.
 * - `proxy`: nothing. There is a proxy in the router.
 */
export type Fence = 'no-udp' | 'tcp-443' | 'proxy';

const FENCED: Readonly<Record<Fence, string>> = {
  'no-udp': 'iifname "lan" meta l4proto udp drop;',
  'tcp-443': 'iifname "lan" meta l4proto != tcp drop; iifname "lan" tcp dport != 443 drop;',
  proxy: 'iifname "lan" drop;',
};

/** The nftables rules of a fence. */
export function fenceRules(fence: Fence | undefined): string {
  if (fence === undefined) return '';
  return `
table inet fence {
  chain forward { type filter hook forward priority -1; ${FENCED[fence]} }
}`;
}
