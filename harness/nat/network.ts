import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { MAPPER_RULES } from './mapper.js';
import {
  cable,
  hostsOf,
  ip,
  link,
  namespaces,
  nft,
  PREFIX,
  removeLeftovers,
  removeNamespace,
  run,
} from './namespaces.js';
import {
  type Carrier,
  carrierRules,
  type Fence,
  fenceRules,
  IPV6_FILTER,
  lossRules,
  type NatKind,
  routerRules,
} from './routers.js';

/** A place of the network in which a program can run: a site by its name, or the server. */
export type Place = string;

/** Which sites there are, and what lies between them. */
export interface NetworkOptions {
  /** The router of every site, by the name of the site: at most 11 characters, not `server` and not `core`. */
  readonly routers: Readonly<Record<string, NatKind>>;
  /** How many of a hundred packets are lost, each way. 0 if absent. */
  readonly lossPercent?: number;
  /** The round trip that is added between any two places, in milliseconds. 0 if absent. */
  readonly roundTripMs?: number;
  /** The sites whose hosts have a public IPv6 address too, behind a filter and without translation, as the server has then. */
  readonly ipv6?: readonly string[];
  /** Those of them whose hosts have no IPv4. */
  readonly ipv6Only?: readonly string[];
  /** What the networks of sites do not let out, by the name of the site. */
  readonly fences?: Readonly<Record<string, Fence>>;
  /** A second NAT, of a provider, that some sites' routers have before them; it has the public address of the first of them. */
  readonly carrier?: Carrier;
  /** The sites whose routers map ports for those who ask by NAT-PMP, and whose instances do. */
  readonly mappers?: readonly string[];
  /** After how long without a byte a proxy ends a connection; absent: never. */
  readonly proxyIdleMs?: number;
  /** Further hosts, each with the site whose private network it is in: their names must not be those of sites. */
  readonly neighbours?: Readonly<Record<string, string>>;
}

const DELAY_DEVICE = 'delay0';
const DELAY_SCRIPT = fileURLToPath(new URL('./delay.py', import.meta.url));

/** Where the server is. */
const SERVER = { core: '192.0.2.1', wan: '192.0.2.2', ip6: '2001:db8:5::2', name: 'hub.example' } as const;
/** The router of every private network; all sites use the same one, as homes do. */
const PRIVATE_GATEWAY = '192.168.1.1';

/** The namespace of the provider's NAT. */
const CARRIER = 'carrier';

/** Where a host is that has come to the network of another router. */
const [GUEST_GATEWAY, GUEST] = ['192.168.77.1', '192.168.77.2'];

/** The last number of the first neighbour's address: sites have those below. */
const NEIGHBOUR_FIRST = 100;

/** Where a site is: its router's wan, and what is behind it, with public addresses or with private ones. */
function addressesOf(index: number) {
  return {
    core: `198.51.100.${4 * index + 1}`,
    wan: `198.51.100.${4 * index + 2}`,
    publicNetwork: `203.0.113.${8 * index}/29`,
    publicGateway: `203.0.113.${8 * index + 1}`,
    public: `203.0.113.${8 * index + 2}`,
    private: `192.168.1.${index + 2}`,
    transit6: `2001:db8:f${index}`,
    site6: `2001:db8:a${index}`,
    carrierGateway: `100.64.${index}.1`,
    carrierWan: `100.64.${index}.2`,
  };
}

/**
 * Sites, each behind a router of its own, and a server outside, as network namespaces.
 *
 *     a ── lan│router-a│wan ──┐
 *     b ── lan│router-b│wan ──┼── core ── server
 *     …                     ──┘
 *
 * Nothing is made outside the namespaces but a file of names for some, so nothing can collide and removing them removes everything. Their names
 * carry the number of the process that made them: the next run removes what a killed one left behind.
 */
export class NatNetwork {
  readonly #name: string;
  readonly #children = new Set<ChildProcess>();

  private constructor(readonly options: NetworkOptions) {
    this.#name = `${PREFIX}${process.pid}-${randomBytes(3).toString('hex')}`;
  }

  /** What is missing to make such a network, in one line; undefined when nothing is. */
  static lacks(): string | undefined {
    if (process.getuid?.() !== 0) return 'the NAT network needs root';
    for (const [tool, version] of [
      ['ip', '-V'],
      ['nft', '-v'],
      ['python3', '-V'],
    ] as const) {
      if (spawnSync(tool, [version]).status !== 0) return `the NAT network needs the program ${tool}`;
    }
    try {
      accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    } catch {
      return 'the NAT network needs /dev/net/tun';
    }
    const probe = `${PREFIX}${process.pid}-probe`;
    if (spawnSync('ip', ['netns', 'add', probe]).status !== 0) return 'the NAT network may not make namespaces here';
    spawnSync('ip', ['netns', 'delete', probe]);
    return undefined;
  }

  /** Makes the network. Whoever makes it removes it. */
  static async make(options: NetworkOptions): Promise<NatNetwork> {
    removeLeftovers();
    const network = new NatNetwork(options);
    try {
      network.#build();
      await network.#delay();
    } catch (error) {
      network.remove();
      throw error;
    }
    return network;
  }

  /** The IPv4 address that others see of a place. */
  outside(place: Place): string {
    if (place === 'server') return SERVER.wan;
    const site = this.options.neighbours?.[place] ?? place;
    const { public: own, wan } = this.#addresses(this.#isBehindCarrier(site) ? this.options.carrier!.sites[0]! : site);
    return this.options.routers[site] === 'none' ? own : wan;
  }

  /** Every place with an instance: sites, and their neighbours. */
  get hosts(): readonly string[] {
    return [...Object.keys(this.options.routers), ...Object.keys(this.options.neighbours ?? {})];
  }

  /** What the server is reached by: a name with an address of each family, where there is IPv6. */
  get serverHost(): string {
    return this.options.ipv6 === undefined ? SERVER.wan : SERVER.name;
  }

  /** The same in the router of a site. Answers with the address by which the site's hosts reach it, too. */
  spawnInRouter(site: string, argv: readonly string[], options: SpawnOptions = {}) {
    const process = this.#spawn(this.#namespace(`router-${site}`), argv, options);
    return { process, address: PRIVATE_GATEWAY };
  }

  /** Starts a program in a place. It is killed at the latest when the network goes. */
  spawn(place: Place, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return this.#spawn(this.#namespace(place), argv, options);
  }

  /**
   * Forgets every mapping of a site's router, as a reboot does.
   *
   * Masquerading forgets the connections of an interface that goes down; the rules are loaded anew for the rest.
   */
  rebootRouter(site: string): void {
    const router = this.#namespace(`router-${site}`);
    ip(router, 'link set wan down', 'link set wan up', `route add default via ${this.#gateway(site)}`);
    nft(router, `flush ruleset\n${this.#rules(site)}`);
  }

  /**
   * Moves the host of a site to the network of another site's router, as a phone goes from Wi-Fi to mobile: its address is gone without a
   * word to anybody, and it has one of the other network.
   */
  roam(site: string, to: string): void {
    const [host, router] = [this.#namespace(site), this.#namespace(`router-${to}`)];
    if (this.options.routers[to] === 'none') throw new Error(`${to} has no private network to be in`);
    ip(host, 'address flush dev lan', 'link set lan down');
    link([router, 'guest', `${GUEST_GATEWAY}/24`], [host, 'guest', `${GUEST}/24`]);
    ip(host, `route add default via ${GUEST_GATEWAY}`);
  }

  /** Sets a parameter of the kernel below /proc/sys/net/ipv4, `tcp_wmem` say, at every host and the server. */
  tune(parameter: string, value: string): void {
    for (const place of [...this.hosts, 'server']) {
      const set = `echo '${value}' >/proc/sys/net/ipv4/${parameter}`;
      run(['ip', 'netns', 'exec', this.#namespace(place), 'sh', '-c', set]);
    }
  }

  /**
   * Has TCP connections of every host begin with a congestion control, `cubic` say. By the route: what stands below /proc may be set to
   * those alone that the machine allows everybody.
   */
  controlCongestion(name: string): void {
    for (const host of this.hosts) {
      const set = `ip route replace $(ip route show default) congctl ${name}`;
      run(['ip', 'netns', 'exec', this.#namespace(host), 'sh', '-c', set]);
    }
  }

  /** Lets no packet through between sites, only to and from the server; or lets all of them through again. */
  separate(separated: boolean): void {
    // By address: with a delay, packets come in from its device and not from where they were sent.
    const sides = ['ip saddr', 'ip daddr'].map((side) => `${side} != ${SERVER.wan}`).join(' ');
    const rule = separated ? `${sides} drop` : '';
    nft(
      this.#namespace('core'),
      `table inet separate
delete table inet separate
table inet separate {
  chain forward {
    type filter hook forward priority 0
    ${rule}
  }
}`,
    );
  }

  /** Kills what runs in the network and removes it. */
  remove(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#children.clear();
    for (const namespace of namespaces()) if (namespace.startsWith(this.#name)) removeNamespace(namespace);
  }

  /** Removes every network of this process, also those in the making. For a process that is told to end. */
  static removeAll(): void {
    for (const namespace of NatNetwork.namespaces()) removeNamespace(namespace);
  }

  /** The namespaces that this process has made and not removed. */
  static namespaces(): string[] {
    return namespaces().filter((name) => name.startsWith(`${PREFIX}${process.pid}-`));
  }

  #namespace(role: string): string {
    return `${this.#name}-${role}`;
  }

  #spawn(namespace: string, argv: readonly string[], options: SpawnOptions): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', namespace, ...argv], options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  #addresses(site: string) {
    return addressesOf(Object.keys(this.options.routers).indexOf(site));
  }

  #rules(site: string): string {
    const { routers, ipv6, fences, mappers } = this.options;
    const mapped = mappers?.includes(site) ? MAPPER_RULES : '';
    return `${routerRules(routers[site]!)}${ipv6?.includes(site) ? IPV6_FILTER : ''}${fenceRules(fences?.[site])}${mapped}`;
  }

  #build(): void {
    const core = this.#namespace('core');
    this.#add(core);
    this.#buildCarrier(core);
    for (const site of Object.keys(this.options.routers)) this.#buildSite(core, site);
    const server = this.#namespace('server');
    this.#add(server);
    link([core, 'to-server', `${SERVER.core}/30`], [server, 'wan', `${SERVER.wan}/30`]);
    ip(server, `route add default via ${SERVER.core}`);
    if (this.options.ipv6) this.#buildIpv6(core, server, this.options.ipv6);
    if (this.options.lossPercent) nft(core, lossRules(this.options.lossPercent));
  }

  #buildSite(core: string, site: string): void {
    const router = this.#namespace(`router-${site}`);
    const host = this.#namespace(site);
    this.#add(router);
    this.#add(host);
    const at = this.#addresses(site);
    const open = this.options.routers[site] === 'none';
    const [own, gateway, length] = open ? [at.public, at.publicGateway, 29] : [at.private, PRIVATE_GATEWAY, 24];
    const before = this.#isBehindCarrier(site);
    const outside = before ? this.#namespace(CARRIER) : core;
    const [near, far] = before ? [at.carrierGateway, at.carrierWan] : [at.core, at.wan];
    link([outside, `to-${site}`, `${near}/30`], [router, 'wan', `${far}/30`]);
    this.#buildLan(site, `${gateway}/${length}`, `${own}/${length}`);
    ip(router, `route add default via ${near}`);
    ip(host, `route add default via ${gateway}`);
    if (open) ip(core, `route add ${at.publicNetwork} via ${at.wan}`);
    nft(router, this.#rules(site));
    // A router that has forgotten a connection must not take it up again from the middle.
    run(['ip', 'netns', 'exec', router, 'sh', '-c', 'echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose']);
  }

  /** The provider's own NAT, between the core and some routers. */
  #buildCarrier(core: string): void {
    const { carrier } = this.options;
    if (carrier === undefined) return;
    const { core: near, wan } = this.#addresses(carrier.sites[0]!);
    const namespace = this.#namespace(CARRIER);
    this.#add(namespace);
    link([core, 'to-carrier', `${near}/30`], [namespace, 'wan', `${wan}/30`]);
    ip(namespace, `route add default via ${near}`);
    nft(namespace, carrierRules(carrier, wan));
  }

  #isBehindCarrier(site: string): boolean {
    return this.options.carrier?.sites.includes(site) === true;
  }

  /** Where the router of a site sends what is for outside. */
  #gateway(site: string): string {
    const { core, carrierGateway } = this.#addresses(site);
    return this.#isBehindCarrier(site) ? carrierGateway : core;
  }

  /** A private network: one cable, or a switch in the router where there are neighbours, who reach each other past all rules. */
  #buildLan(site: string, gateway: string, own: string): void {
    const router = this.#namespace(`router-${site}`);
    const neighbours = Object.entries(this.options.neighbours ?? {}).filter(([, at]) => at === site);
    const host = this.#namespace(site);
    if (neighbours.length === 0) {
      link([router, 'lan', gateway], [host, 'lan', own]);
      return;
    }
    ip(router, 'link add lan type bridge', `address add ${gateway} dev lan`, 'link set lan up');
    const plug = (name: string, port: string, address: string) => {
      cable([router, port], [this.#namespace(name), 'lan']);
      ip(router, `link set ${port} master lan`, `link set ${port} up`);
      ip(this.#namespace(name), `address add ${address} dev lan`, 'link set lan up');
    };
    plug(site, 'port0', own);
    neighbours.forEach(([name], at) => {
      this.#add(this.#namespace(name));
      plug(name, `port${at + 1}`, `192.168.1.${NEIGHBOUR_FIRST + at}/24`);
      ip(this.#namespace(name), `route add default via ${PRIVATE_GATEWAY}`);
    });
  }

  #buildIpv6(core: string, server: string, sites: readonly string[]): void {
    const names = [SERVER.wan, SERVER.ip6].map((address) => `${address} ${SERVER.name}`);
    for (const host of this.hosts) hostsOf(this.#namespace(host), names);
    for (const site of this.options.ipv6Only ?? []) ip(this.#namespace(site), 'address flush dev lan scope global');
    for (const site of sites) {
      const router = this.#namespace(`router-${site}`);
      const host = this.#namespace(site);
      const { transit6, site6 } = this.#addresses(site);
      ip(core, `address add ${transit6}::1/64 dev to-${site} nodad`);
      ip(router, `address add ${transit6}::2/64 dev wan nodad`, `route add default via ${transit6}::1`);
      ip(router, `address add ${site6}::1/64 dev lan nodad`);
      ip(host, `address add ${site6}::2/64 dev lan nodad`, `route add default via ${site6}::1`);
      ip(core, `route add ${site6}::/64 via ${transit6}::2`);
    }
    ip(core, 'address add 2001:db8:5::1/64 dev to-server nodad');
    ip(server, `address add ${SERVER.ip6}/64 dev wan nodad`, 'route add default via 2001:db8:5::1');
  }

  #add(namespace: string): void {
    run(['ip', 'netns', 'add', namespace]);
    ip(namespace, 'link set lo up');
    run(
      ['ip', 'netns', 'exec', namespace, 'sh', '-c'].concat(
        'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding;' +
          'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done',
      ),
    );
  }

  /** Half of the round trip is spent each way. What is held back comes in again from the device, past the rules. */
  async #delay(): Promise<void> {
    if (!this.options.roundTripMs) return;
    const core = this.#namespace('core');
    ip(core, `tuntap add dev ${DELAY_DEVICE} mode tun`, `link set ${DELAY_DEVICE} up`);
    ip(core, `route add default dev ${DELAY_DEVICE} table 100`);
    for (const from of [...Object.keys(this.options.routers), 'server']) ip(core, `rule add iif to-${from} lookup 100`);
    const argv = ['python3', DELAY_SCRIPT, DELAY_DEVICE, String(Math.round(this.options.roundTripMs / 2))];
    const child = this.#spawn(core, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    await firstLineOf(child);
  }
}

/** The first line that a program prints; rejects when it ends without one. */
export async function firstLineOf(child: ChildProcess): Promise<string> {
  const none = once(child, 'close').then(([code]) =>
    Promise.reject(new Error(`it ended with ${code} and said nothing`)),
  );
  none.catch(() => {});
  const [line] = (await Promise.race([once(createInterface(child.stdout!), 'line'), none])) as [string];
  return line;
}
