import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isRunning, kill } from './pid.js';
import { IPV6_FILTER, lossRules, type NatKind, routerRules } from './routers.js';

/** A place of the network in which a program can run. */
export type Place = 'a' | 'b' | 'server';

/** What lies between the two instances. */
export interface NetworkOptions {
  /** The router of instance a. */
  readonly a: NatKind;
  /** The router of instance b. */
  readonly b: NatKind;
  /** How many of a hundred packets are lost, each way. 0 if absent. */
  readonly lossPercent?: number;
  /** The round trip that is added between any two places, in milliseconds. 0 if absent. */
  readonly roundTripMs?: number;
  /** Whether everybody has a public IPv6 address too, behind a filter and without translation. */
  readonly ipv6?: boolean;
}

const PREFIX = 'swnat-';
const DELAY_DEVICE = 'delay0';
const DELAY_SCRIPT = fileURLToPath(new URL('./delay.py', import.meta.url));

/** Where things are. Both sides use the same private network, as two homes do. */
const ADDRESS = {
  core: { a: '198.51.100.1', b: '203.0.113.1', server: '192.0.2.1' },
  wan: { a: '198.51.100.2', b: '203.0.113.2', server: '192.0.2.2' },
  public: { a: '198.51.100.130', b: '203.0.113.130' },
  publicGateway: { a: '198.51.100.129', b: '203.0.113.129' },
  private: { a: '192.168.1.2', b: '192.168.1.3' },
  privateGateway: '192.168.1.1',
} as const;

/**
 * Two instances, each behind a router of its own, and a server outside, as network namespaces.
 *
 *     a ── lan│router-a│wan ──┐
 *                             core ── server
 *     b ── lan│router-b│wan ──┘
 *
 * Nothing is made outside the namespaces, so nothing can collide and removing them removes everything. Their names
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

  /** The IPv4 address of a place's own interface. */
  host(place: Place): string {
    if (place === 'server') return ADDRESS.wan.server;
    return this.options[place] === 'none' ? ADDRESS.public[place] : ADDRESS.private[place];
  }

  /** The IPv4 address that others see of a place. */
  outside(place: Place): string {
    if (place === 'server') return ADDRESS.wan.server;
    return this.options[place] === 'none' ? ADDRESS.public[place] : ADDRESS.wan[place];
  }

  /** The IPv6 address of a place, where there is IPv6. */
  host6(place: Place): string {
    return `2001:db8:${place === 'server' ? '5' : place}::2`;
  }

  /** Starts a program in a place. It is killed at the latest when the network goes. */
  spawn(place: Place, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return this.#spawn(this.#namespace(place), argv, options);
  }

  /**
   * Forgets every mapping of a side's router, as a reboot does.
   *
   * Masquerading forgets the connections of an interface that goes down; the rules are loaded anew for the rest.
   */
  rebootRouter(side: 'a' | 'b'): void {
    const router = this.#namespace(`router-${side}`);
    ip(router, 'link set wan down', 'link set wan up', `route add default via ${ADDRESS.core[side]}`);
    nft(router, `flush ruleset\n${this.#rules(side)}`);
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

  #rules(side: 'a' | 'b'): string {
    return `${routerRules(this.options[side])}${this.options.ipv6 ? IPV6_FILTER : ''}`;
  }

  #build(): void {
    const core = this.#namespace('core');
    this.#add(core);
    for (const side of ['a', 'b'] as const) this.#buildSide(core, side);
    const server = this.#namespace('server');
    this.#add(server);
    link([core, 'to-server', `${ADDRESS.core.server}/30`], [server, 'wan', `${ADDRESS.wan.server}/30`]);
    ip(server, `route add default via ${ADDRESS.core.server}`);
    if (this.options.ipv6) this.#buildIpv6(core, server);
    if (this.options.lossPercent) nft(core, lossRules(this.options.lossPercent));
  }

  #buildSide(core: string, side: 'a' | 'b'): void {
    const router = this.#namespace(`router-${side}`);
    const host = this.#namespace(side);
    this.#add(router);
    this.#add(host);
    const open = this.options[side] === 'none';
    const length = open ? 25 : 24;
    const gateway = open ? ADDRESS.publicGateway[side] : ADDRESS.privateGateway;
    link([core, `to-${side}`, `${ADDRESS.core[side]}/30`], [router, 'wan', `${ADDRESS.wan[side]}/30`]);
    link([router, 'lan', `${gateway}/${length}`], [host, 'lan', `${this.host(side)}/${length}`]);
    ip(router, `route add default via ${ADDRESS.core[side]}`);
    ip(host, `route add default via ${gateway}`);
    if (open) ip(core, `route add ${gateway.replace(/\d+$/, '128')}/25 via ${ADDRESS.wan[side]}`);
    nft(router, this.#rules(side));
    // A router that has forgotten a connection must not take it up again from the middle.
    run(['ip', 'netns', 'exec', router, 'sh', '-c', 'echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose']);
  }

  #buildIpv6(core: string, server: string): void {
    for (const side of ['a', 'b'] as const) {
      const router = this.#namespace(`router-${side}`);
      const host = this.#namespace(side);
      ip(core, `address add 2001:db8:f${side}::1/64 dev to-${side} nodad`);
      ip(router, `address add 2001:db8:f${side}::2/64 dev wan nodad`, `route add default via 2001:db8:f${side}::1`);
      ip(router, `address add 2001:db8:${side}::1/64 dev lan nodad`);
      ip(host, `address add ${this.host6(side)}/64 dev lan nodad`, `route add default via 2001:db8:${side}::1`);
      ip(core, `route add 2001:db8:${side}::/64 via 2001:db8:f${side}::2`);
    }
    ip(core, 'address add 2001:db8:5::1/64 dev to-server nodad');
    ip(server, `address add ${this.host6('server')}/64 dev wan nodad`, 'route add default via 2001:db8:5::1');
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
    for (const from of ['a', 'b', 'server']) ip(core, `rule add iif to-${from} lookup 100`);
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

/** An end of a veth pair: namespace, name, address. */
type LinkEnd = readonly [namespace: string, name: string, address: string];

function link(one: LinkEnd, other: LinkEnd): void {
  run([
    'ip',
    'link',
    'add',
    'name',
    one[1],
    'netns',
    one[0],
    'type',
    'veth',
    'peer',
    'name',
    other[1],
    'netns',
    other[0],
  ]);
  for (const [namespace, name, address] of [one, other]) {
    ip(namespace, `address add ${address} dev ${name}`, `link set ${name} up`);
  }
}

function ip(namespace: string, ...lines: readonly string[]): void {
  const family = lines.some((line) => line.includes('::')) ? ['-6'] : [];
  run(['ip', ...family, '-n', namespace, '-batch', '-'], lines.join('\n'));
}

function nft(namespace: string, rules: string): void {
  if (rules.trim() !== '') run(['ip', 'netns', 'exec', namespace, 'nft', '-f', '-'], rules);
}

function run(argv: readonly string[], input = ''): void {
  const done = spawnSync(argv[0]!, argv.slice(1), { input, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr || done.error}\n${input}`);
}

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns').filter((name) => name.startsWith(PREFIX));
  } catch {
    return []; // the directory is made with the first namespace
  }
}

function removeNamespace(namespace: string): void {
  const pids = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).stdout ?? '';
  for (const pid of pids.split('\n').filter(Boolean)) kill(Number(pid));
  spawnSync('ip', ['netns', 'delete', namespace]);
}

/** Removes the namespaces of runs whose process is no more. */
function removeLeftovers(): void {
  for (const namespace of namespaces()) {
    const pid = Number(namespace.slice(PREFIX.length).split('-')[0]);
    if (!isRunning(pid)) removeNamespace(namespace);
  }
}
