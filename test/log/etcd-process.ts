import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { quietPort } from '../../harness/port.js';
import { systemClock } from '../../src/client/system.js';
import { EtcdClient } from '../../src/log/etcd/client.js';

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

/** What an etcd is started with. */
export interface EtcdOptions {
  /** What its file may hold. */
  readonly quotaBytes?: number;
}

/** A real etcd of one member on free ports of the loopback, with a folder of its own. */
export class EtcdProcess {
  readonly #folder = mkdtempSync(join(QUICK_DISK ?? tmpdir(), 'switchyard-etcd-'));
  readonly #quotaBytes: number;
  readonly #peerPort: number;
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    peerPort: number,
    { quotaBytes = 0 }: EtcdOptions,
  ) {
    this.#peerPort = peerPort;
    this.#quotaBytes = quotaBytes;
  }

  static async start(options: EtcdOptions = {}): Promise<EtcdProcess> {
    const etcd = new EtcdProcess(await quietPort(), await quietPort(), options);
    await etcd.run();
    return etcd;
  }

  /** As `--journal` has it. */
  get url(): string {
    return `etcd://127.0.0.1:${this.port}`;
  }

  connect(): EtcdClient {
    return new EtcdClient([{ host: '127.0.0.1', port: this.port }], systemClock);
  }

  /** Starts it, on what its folder holds. */
  async run(): Promise<void> {
    const [client, peer] = [this.port, this.#peerPort].map((port) => `http://127.0.0.1:${port}`);
    const options = {
      name: 'one',
      'data-dir': this.#folder,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `one=${peer}`,
      'log-level': 'error',
      'quota-backend-bytes': String(this.#quotaBytes),
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    this.#process = spawn(PROGRAM ?? 'etcd', flags, { stdio: 'ignore' });
    const startMs = systemClock.nowMs();
    for (;;) {
      const store = this.connect();
      const isUp = await store.read({ key: 'up' }).then(
        () => true,
        () => false,
      );
      store.close();
      if (isUp) return;
      if (this.#process.exitCode !== null || systemClock.nowMs() - startMs > START_MS_MAX) {
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

  /** Stops it in its tracks, and lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(name);
  }

  /** Kills it; its folder stays. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Kills it and removes its folder. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
