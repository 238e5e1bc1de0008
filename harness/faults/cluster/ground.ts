import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { namespaceName, removeLeftovers, removeNamespace, run } from '../namespaces.js';

/** How a process in the namespace of the clients knows whose run it belongs to. */
const VARIABLE = 'SWITCHYARD_FAULTS_GROUND';

/** Whoever has a network of its own: `c` are the clients, and what looks on. */
export const NODES = ['c', 's1', 's2', 's3', 'e1', 'e2', 'e3'] as const;
/** One of them. */
export type Node = (typeof NODES)[number];
/** One of the servers. */
export type ServerName = Extract<Node, `s${string}`>;
/** One of the members of etcd. */
export type MemberName = Extract<Node, `e${string}`>;

const SUBNET = '198.51.100';
const LAST: Readonly<Record<Node, number>> = { c: 1, s1: 11, s2: 12, s3: 13, e1: 21, e2: 22, e3: 23 };
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  ip: ['-V'],
  nft: ['-v'],
  openssl: ['version'],
  etcd: ['--version'],
};

/** Where a node is reached. */
export function addressOf(node: Node): string {
  return `${SUBNET}.${LAST[node]}`;
}

/**
 * Seven network namespaces at one bridge: the clients, three servers, three members of etcd. Between any two of them packets can be
 * dropped, each way by itself.
 *
 * Nothing is made outside the namespaces, so nothing can collide and removing them removes everything.
 */
export class ClusterGround {
  readonly #run: string;

  private constructor(name: string) {
    this.#run = name;
  }

  /** What is missing to make one, in a line; undefined when nothing is. */
  static lacks(): string | undefined {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'servers are cut off in namespaces, by root';
    for (const [program, version] of Object.entries(PROGRAMS)) {
      const from = program === 'etcd' ? " (Debian's etcd-server has it)" : '';
      if (spawnSync(program, version).status !== 0) return `missing: the program ${program}${from}`;
    }
    const probe = namespaceName('probe');
    if (spawnSync('ip', ['netns', 'add', probe]).status !== 0) return 'network namespaces may not be made here';
    const bridge = spawnSync('ip', ['-n', probe, 'link', 'add', 'hub', 'type', 'bridge']).status === 0;
    const filter =
      spawnSync('ip', ['netns', 'exec', probe, 'nft', '-f', '-'], { input: rulesAgainst(['c']) }).status === 0;
    spawnSync('ip', ['netns', 'delete', probe]);
    return bridge && filter ? undefined : 'this kernel has no bridge or no nftables';
  }

  /** Makes one. Whoever makes it removes it. */
  static make(): ClusterGround {
    removeLeftovers();
    const ground = new ClusterGround(String(process.pid));
    const hub = ground.#namespace('c');
    for (const node of NODES) {
      run(['ip', 'netns', 'add', ground.#namespace(node)]);
      run(['ip', '-n', ground.#namespace(node), 'link', 'set', 'lo', 'up']);
    }
    run(['ip', '-n', hub, 'link', 'add', 'hub', 'type', 'bridge']);
    run(['ip', '-n', hub, 'address', 'add', `${addressOf('c')}/24`, 'dev', 'hub']);
    run(['ip', '-n', hub, 'link', 'set', 'hub', 'up']);
    for (const node of NODES.slice(1)) ground.#plugIn(node);
    return ground;
  }

  /** The ground in whose clients' namespace this process is; undefined when it is in none. */
  static ofThisProcess(): ClusterGround | undefined {
    const name = process.env[VARIABLE];
    return name === undefined ? undefined : new ClusterGround(name);
  }

  /** What a process has to have in its environment to be {@link ofThisProcess}. */
  get env(): Readonly<Record<string, string>> {
    return { [VARIABLE]: this.#run };
  }

  /** What stands before a command that is to run at a node. */
  at(node: Node): readonly string[] {
    return ['ip', 'netns', 'exec', this.#namespace(node)];
  }

  /** From now on a node hears nothing of these, until it is set anew. */
  deafen(node: Node, to: readonly Node[]): void {
    run([...this.at(node), 'nft', '-f', '-'], rulesAgainst(to));
  }

  /** Everybody hears everybody again. */
  heal(): void {
    for (const node of NODES) this.deafen(node, []);
  }

  /** Ends what runs at any node, and removes all of them. */
  remove(): void {
    for (const node of [...NODES].reverse()) {
      if (existsSync(`/run/netns/${this.#namespace(node)}`)) removeNamespace(this.#namespace(node));
    }
  }

  #namespace(node: Node): string {
    return namespaceName(node, this.#run);
  }

  #plugIn(node: Node): void {
    const [hub, own] = [this.#namespace('c'), this.#namespace(node)];
    run(['ip', 'link', 'add', 'name', node, 'netns', hub, 'type', 'veth', 'peer', 'name', 'wire', 'netns', own]);
    run(['ip', '-n', hub, 'link', 'set', node, 'master', 'hub']);
    run(['ip', '-n', hub, 'link', 'set', node, 'up']);
    run(['ip', '-n', own, 'address', 'add', `${addressOf(node)}/24`, 'dev', 'wire']);
    run(['ip', '-n', own, 'link', 'set', 'wire', 'up']);
  }
}

function rulesAgainst(nodes: readonly Node[]): string {
  if (nodes.length === 0) return 'flush ruleset\n';
  const from = nodes.map(addressOf).join(', ');
  const chain = `chain input { type filter hook input priority 0; ip saddr { ${from} } drop; }`;
  return `flush ruleset\ntable inet cut {\n${chain}\n}\n`;
}
