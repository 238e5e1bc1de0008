import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, kill } from './pid.js';

/** What the name of every namespace of a test network begins with; the number of its process follows. */
export const PREFIX = 'swnat-';

/** An end of a veth pair: namespace, name … */
type CableEnd = readonly [namespace: string, name: string, ...more: readonly string[]];
/** … and address. */
type LinkEnd = readonly [namespace: string, name: string, address: string];

/** Two ends with addresses, which stand at once. */
export function link(one: LinkEnd, other: LinkEnd): void {
  cable(one, other);
  for (const [namespace, name, address] of [one, other]) {
    ip(namespace, `address add ${address} dev ${name}`, `link set ${name} up`);
  }
}

/** A veth pair without addresses. */
export function cable([namespace, name]: CableEnd, [otherNamespace, otherName]: CableEnd): void {
  const peer = ['peer', 'name', otherName, 'netns', otherNamespace];
  run(['ip', 'link', 'add', 'name', name, 'netns', namespace, 'type', 'veth', ...peer]);
}

/** Lines for `ip -batch` in a namespace. */
export function ip(namespace: string, ...lines: readonly string[]): void {
  const family = lines.some((line) => line.includes('::')) ? ['-6'] : [];
  run(['ip', ...family, '-n', namespace, '-batch', '-'], lines.join('\n'));
}

/** Loads rules of nftables in a namespace. */
export function nft(namespace: string, rules: string): void {
  if (rules.trim() !== '') run(['ip', 'netns', 'exec', namespace, 'nft', '-f', '-'], rules);
}

/** Runs a program to its end; throws when it fails. */
export function run(argv: readonly string[], input = ''): void {
  const done = spawnSync(argv[0]!, argv.slice(1), { input, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr || done.error}\n${input}`);
}

/** The namespaces of all test networks of this machine. */
export function namespaces(): string[] {
  return namesIn('/run/netns');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.startsWith(PREFIX));
  } catch {
    return []; // the directory is made with the first that is in it
  }
}

/** Where `ip netns exec` looks for the files of /etc that are other ones in a namespace. */
const FILES = '/etc/netns';

/** Gives a namespace names of its own: lines of hosts(5), for what is started in it from now on. */
export function hostsOf(namespace: string, lines: readonly string[]): void {
  const folder = join(FILES, namespace);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'hosts'), ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n'));
}

/** Ends what runs in a namespace, and removes it. */
export function removeNamespace(namespace: string): void {
  const pids = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).stdout ?? '';
  for (const pid of pids.split('\n').filter(Boolean)) kill(Number(pid));
  spawnSync('ip', ['netns', 'delete', namespace]);
  rmSync(join(FILES, namespace), { recursive: true, force: true });
}

/** Removes the namespaces of runs whose process is no more, and their files, which outlive a namespace over a restart of the machine. */
export function removeLeftovers(): void {
  for (const namespace of new Set([...namespaces(), ...namesIn(FILES)])) {
    const pid = Number(namespace.slice(PREFIX.length).split('-')[0]);
    if (!isRunning(pid)) removeNamespace(namespace);
  }
}
