import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hasEnded } from '../../harness/has-ended.js';
import { quietPort } from '../../harness/port.js';
import { systemClock } from '../../src/client/system.js';
import type { EtcdAccess } from '../../src/log/etcd/access.js';
import { EtcdClient } from '../../src/log/etcd/client.js';
import type { StoreError } from '../../src/log/etcd/store.js';

/** In memory where there is such a folder: every append waits for a sync, and a test's are many. */
const QUICK_DISK = ['/dev/shm'].find((folder) => mayUse(folder, constants.W_OK));

/** How long etcd may take until it answers, on a busy machine. */
const START_MS_MAX = 60_000;

const PROGRAM = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin']
  .map((folder) => join(folder, 'etcd'))
  .find((path) => mayUse(path, constants.X_OK));

function mayUse(path: string, how: number): boolean {
  try {
    accessSync(path, how);
    return true;
  } catch {
    return false;
  }
}

/** In one line what this machine lacks for {@link EtcdProcess}; undefined when it lacks nothing. */
export function lacksEtcd(): string | undefined {
  return PROGRAM === undefined ? "missing: etcd (Debian's etcd-server has it)" : undefined;
}

const fileOf = (name: string) => fileURLToPath(new URL(`../cli/tls/${name}.pem`, import.meta.url));

/** A certificate of 127.0.0.1 that is its own authority, for servers and for clients. */
export const TLS_FILES = { cert: fileOf('cert'), key: fileOf('key'), ca: fileOf('cert') };

/** What an etcd is started with. */
export interface EtcdOptions {
  /** What its file may hold. */
  readonly quotaBytes?: number;
  /** Begun as its package does: its cluster and its member have the ids that every such etcd has. */
  readonly hasDefaultIds?: boolean;
  /** Files of TLS: it asks clients for a certificate of `ca`. A port without TLS stays, for the test's own tools. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** A real etcd of one member on free ports of the loopback, with a folder of its own. */
export class EtcdProcess {
  readonly #folder = mkdtempSync(join(QUICK_DISK ?? tmpdir(), 'switchyard-etcd-'));
  readonly #options: EtcdOptions;
  readonly #peerPort: number;
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    peerPort: number,
    /** With `tls`, where it speaks that. */
    readonly tlsPort: number,
    options: EtcdOptions,
  ) {
    this.#peerPort = peerPort;
    this.#options = options;
  }

  static async start(options: EtcdOptions = {}): Promise<EtcdProcess> {
    const etcd = new EtcdProcess(await quietPort(), await quietPort(), await quietPort(), options);
    await etcd.run();
    return etcd;
  }

  /** As `--journal` has it. */
  get url(): string {
    return `etcd://127.0.0.1:${this.port}`;
  }

  /** The same with TLS. */
  get tlsUrl(): string {
    return `etcds://127.0.0.1:${this.tlsPort}`;
  }

  /** With TLS where `access` has it. */
  connect(access: EtcdAccess = {}): EtcdClient {
    const port = access.tls === undefined ? this.port : this.tlsPort;
    return new EtcdClient([{ host: '127.0.0.1', port }], systemClock, access);
  }

  /** Starts it, on what its folder holds. */
  async run(): Promise<void> {
    const [client, peer] = [this.port, this.#peerPort].map((port) => `http://127.0.0.1:${port}`);
    const { quotaBytes = 0, hasDefaultIds, tls } = this.#options;
    const secure = tls === undefined ? '' : `,https://127.0.0.1:${this.tlsPort}`;
    const options = {
      name: hasDefaultIds ? 'default' : 'one',
      'data-dir': this.#folder,
      'listen-client-urls': `${client}${secure}`,
      'advertise-client-urls': client,
      ...(tls && { 'cert-file': tls.cert, 'key-file': tls.key, 'trusted-ca-file': tls.ca }),
      'listen-peer-urls': peer,
      ...(!hasDefaultIds && { 'initial-advertise-peer-urls': peer, 'initial-cluster': `one=${peer}` }),
      'log-level': 'error',
      'quota-backend-bytes': String(quotaBytes),
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    if (tls !== undefined) flags.push('--client-cert-auth');
    this.#process = spawn(PROGRAM ?? 'etcd', flags, { stdio: 'ignore' });
    const startMs = systemClock.nowMs();
    for (;;) {
      const store = this.connect();
      const isUp = await store.read({ key: 'up' }).then(
        () => true,
        // An etcd that asks who it is answers, too.
        (error: StoreError) => error.kind === 'refused',
      );
      store.close();
      if (isUp) return;
      if (hasEnded(this.#process) || systemClock.nowMs() - startMs > START_MS_MAX) {
        throw new Error(`etcd did not start (status ${this.#process.exitCode})`);
      }
      await wait(50);
    }
  }

  /** Asks its gateway for what the log does not need: JSON, as etcd's own documentation has it. */
  async gateway(path: string, body: object): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/v3/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
  }

  /** Makes a user that may use the log of one network and nothing else, and turns authentication on. */
  async turnAuthenticationOn(name: string, password: string, prefix = '/switchyard/'): Promise<void> {
    const key = Buffer.from(prefix).toString('base64');
    const range_end = Buffer.from(prefix.replace(/.$/, '0')).toString('base64');
    await this.gateway('auth/user/add', { name: 'root', password: 'of-root' });
    await this.gateway('auth/role/add', { name: 'root' });
    await this.gateway('auth/user/grant', { user: 'root', role: 'root' });
    await this.gateway('auth/user/add', { name, password });
    await this.gateway('auth/role/add', { name: 'servers' });
    await this.gateway('auth/role/grant', { name: 'servers', perm: { permType: 'READWRITE', key, range_end } });
    await this.gateway('auth/user/grant', { user: name, role: 'servers' });
    await this.gateway('auth/enable', {});
  }

  /** Stops it in its tracks, and lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(name);
  }

  /** Kills it; its folder stays. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Stops it, keeps a copy of its data, and starts it again. The copy is what {@link restore} takes. */
  async backup(): Promise<string> {
    await this.kill();
    const copy = mkdtempSync(join(QUICK_DISK ?? tmpdir(), 'switchyard-etcd-backup-'));
    cpSync(this.#folder, copy, { recursive: true });
    await this.run();
    return copy;
  }

  /** Stops it, puts a copy in the place of its data, and starts it again. */
  async restore(copy: string): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
    cpSync(copy, this.#folder, { recursive: true });
    rmSync(copy, { recursive: true });
    await this.run();
  }

  /** Kills it and removes its folder. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
