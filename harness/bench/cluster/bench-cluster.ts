import { existsSync } from 'node:fs';
import { quietPort } from '../../port.js';
import { Started } from '../parts/process.js';
import { dataFolder, startSwitchyard } from '../parts/servers.js';

/**
 * One server and several both store in memory where there is such a folder: processes that wait for one disk of one machine would
 * hide what they take of its processors.
 */
export const STORED_IN = ['/dev/shm'].find(existsSync);
/** Of etcd: each append waits for two of them. */
const MEMBERS = 3;
const ETCD_MS_MAX = 30_000;
const NETWORK = 'bench';
/** Servers of one network have the same. */
const ADMIN_TOKEN = 'the-administrator-of-a-bench';
/** How long a leader that says nothing is waited for, unless that is what is measured: a busy disk must not end a term. */
const CALM_TTL_MS = 10_000;

/** Servers that share a network, with an etcd of three members on the same machine and disk. */
export class BenchCluster {
  readonly #etcd: readonly Started[];
  readonly #clientPort: number;
  readonly #folders: readonly { remove(): void }[];

  private constructor(
    /** The one that leads first. */
    readonly servers: readonly Started[],
    etcd: { readonly members: readonly Started[]; readonly port: number },
    folders: readonly { remove(): void }[],
  ) {
    this.#etcd = etcd.members;
    this.#clientPort = etcd.port;
    this.#folders = folders;
  }

  /** Starts so many servers, and what they store in. */
  static async start(count: number, leaderTtlMs = CALM_TTL_MS): Promise<BenchCluster> {
    const folders: { path: string; remove(): void }[] = [];
    const folder = () => {
      const made = dataFolder(STORED_IN);
      folders.push(made);
      return made.path;
    };
    const { members, ports } = await startMembers(folder);
    const journal = `etcd://${ports.map((port) => `127.0.0.1:${port}`).join()}`;
    const shared = ['--journal', journal, '--network', NETWORK, '--leader-ttl', `${leaderTtlMs / 1_000}s`];
    const servers: Started[] = [];
    for (let at = 0; at < count; at++) {
      // The first one leads, because it is there alone.
      servers.push(await startSwitchyard(folder(), ...shared, '--name', `bench-${at}`, '--admin-token', ADMIN_TOKEN));
    }
    return new BenchCluster(servers, { members, port: ports[0] }, folders);
  }

  /** What is in use of etcd's file, in bytes. */
  async storedBytes(): Promise<number> {
    const url = `http://127.0.0.1:${this.#clientPort}/v3/maintenance/status`;
    const answer = await fetch(url, { method: 'POST', body: '{}' });
    const { dbSizeInUse } = (await answer.json()) as { dbSizeInUse: string };
    return Number(dbSizeInUse);
  }

  async stop(): Promise<void> {
    for (const one of [...this.servers, ...this.#etcd]) await one.stop();
    for (const folder of this.#folders) folder.remove();
  }
}

/** Members find each other only when all are started, so they are waited for together. */
async function startMembers(folder: () => string): Promise<{ members: Started[]; ports: number[] }> {
  const places = [];
  for (let at = 0; at < MEMBERS; at++)
    places.push({ name: `m${at}`, client: await quietPort(), peer: await quietPort() });
  const url = (port: number) => `http://127.0.0.1:${port}`;
  const all = places.map(({ name, peer }) => `${name}=${url(peer)}`).join();
  const starting = places.map(({ name, client, peer }) => {
    const args = ['--name', name, '--data-dir', folder(), '--log-level', 'error', '--initial-cluster', all];
    args.push('--listen-client-urls', url(client), '--advertise-client-urls', url(client));
    args.push('--listen-peer-urls', url(peer), '--initial-advertise-peer-urls', url(peer));
    return Started.listening('etcd', args, client);
  });
  const members = await Promise.all(starting);
  await untilHealthy(url(places[0].client));
  return { members, ports: places.map(({ client }) => client) };
}

async function untilHealthy(url: string): Promise<void> {
  const startMs = performance.now();
  for (;;) {
    const isWell = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isWell) return;
    if (performance.now() - startMs > ETCD_MS_MAX) throw new Error('the members of etcd do not come together');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
