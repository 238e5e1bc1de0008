import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { type Program, startServerProcess } from '../../cli/process.js';
import type { Method } from '../../grpc/running.js';
import { MemoryCap, residentBytes } from './cap.js';
import { RawConnection, TLS_NAME } from './raw.js';

/** What an ordinary client went through, and what became of the server. */
export interface Observed {
  readonly calls: number;
  /** The slowest of those calls. It is told and never tested: the machine has other things to do. */
  readonly slowestMs: number;
  /** Resident memory of the server at its highest, over what it was before. */
  readonly grownBytes: number;
}

/** Between two calls of the ordinary client, so that the attack is what fills the time. */
const PAUSE_MS = 5;
/** Where attackers call from. */
const ATTACKER = '127.0.0.2';
/** The latency that an ordinary client never sees exceeded, whatever goes on beside it: its calls fail beyond. */
export const LATENCY_MS_MAX = 10_000;
/** How soon the end of a process is known after its connections broke. */
const DEATH_MS = 200;
const LOG_CHARS_MAX = 2_000;

/** How a target is started, where it is not as usual. */
export interface TargetOptions {
  /** Further options of `serve`. */
  readonly args?: readonly string[];
  /** Whether it speaks TLS. */
  readonly tls?: boolean;
  /** The Node that runs it: the one that runs this process when it is not given. */
  readonly node?: string;
  /** How long each call of the ordinary client may take: {@link LATENCY_MS_MAX} when it is not given. */
  readonly callMs?: number;
}

/** What V8 may keep: what a server in a container of so much memory as {@link MemoryCap} allows would be given. */
const HEAP_MIB = 256;
const TLS_FILES = ['cert', 'key'].map((name) =>
  fileURLToPath(new URL(`../../client/tls/${name}.pem`, import.meta.url)),
);

/**
 * A server in a process of its own, with an ordinary client beside whatever else is done to it. It is ended when it takes
 * more memory than {@link MemoryCap} allows, which fails whatever goes on.
 */
export class Target {
  readonly cap: MemoryCap;
  /** The server's certificate, when it speaks TLS. */
  readonly #ca: Buffer | undefined;

  private constructor(
    private readonly program: Program,
    readonly address: string,
    /** Where it listens for metrics, when it was told to. */
    readonly metricsAddress: string | undefined,
    isTls: boolean,
    /** How long each call of the ordinary client may take. */
    readonly callMs: number,
  ) {
    this.cap = new MemoryCap(program.process);
    this.#ca = isTls ? readFileSync(TLS_FILES[0]) : undefined;
  }

  static start(...args: readonly string[]): Promise<Target> {
    return Target.launch({ args });
  }

  static async launch({ args = [], tls = false, node, callMs = LATENCY_MS_MAX }: TargetOptions): Promise<Target> {
    const [cert, key] = TLS_FILES;
    const secure = tls ? ['--tls-cert', cert, '--tls-key', key] : [];
    const all = ['--listen', '127.0.0.1:0', '--data', ':memory:', ...secure, ...args];
    const heap = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` };
    const { program, address, listening } = await startServerProcess(all, heap, node);
    const target = new Target(program, address, listening.metrics, tls, callMs);
    // What the first calls bring into memory is nobody's attack.
    await target.beside(() => wait(300));
    return target;
  }

  async stop(): Promise<void> {
    await this.program.stop('SIGKILL');
  }

  /** Stops its process while that is done, as a machine does that is frozen. */
  async frozen(during: () => Promise<void>): Promise<void> {
    this.program.process.kill('SIGSTOP');
    try {
      await during();
    } finally {
      this.program.process.kill('SIGCONT');
    }
  }

  /** Tells it to drain, and resolves with its exit status, or the name of the signal that ended it. */
  async drain(): Promise<number | string> {
    const status = await this.program.stop('SIGTERM');
    const error = this.#death();
    if (this.cap.isExceeded && error !== undefined) throw error;
    return status;
  }

  /** A connection whose frames are the test's own. It comes from elsewhere: the ordinary client shares no address's bounds with it. */
  dial(localAddress = ATTACKER): Promise<RawConnection> {
    return RawConnection.dial(this.address, this.#ca, localAddress);
  }

  /** An ordinary client, with a connection of its own. */
  client(): Client {
    const security = this.#ca === undefined ? credentials.createInsecure() : credentials.createSsl(this.#ca);
    const name = this.#ca === undefined ? {} : { 'grpc.ssl_target_name_override': TLS_NAME };
    return new Client(this.address, security, { 'grpc.use_local_subchannel_pool': 1, ...name });
  }

  /** Resident memory of the server, in bytes; of one that has ended, none. */
  rss(): number {
    return residentBytes(this.program.process.pid!) ?? 0;
  }

  /** Allows the server so many files and sockets from now on, as `ulimit -n` does before a start. */
  limitFiles(count: number): void {
    execFileSync('prlimit', [`--pid=${this.program.process.pid}`, `--nofile=${count}`]);
  }

  /** Where the server listens by that name, when it was told to. */
  listening(name: string): string {
    return (JSON.parse(this.program.out) as { listening: Record<string, string> }).listening[name];
  }

  /**
   * What the gRPC door has counted of connections that it closed or refused, as samples of its metrics. It needs
   * `--metrics-listen`.
   */
  async closings(): Promise<string[]> {
    const text = await (await fetch(`http://${this.metricsAddress}/metrics`)).text();
    const samples = text.split('\n').filter((line) => /^switchyard_(grpc_cut_off|door_refused)_total\{/.test(line));
    // What is expelled is counted by its bound, too.
    const told = samples.filter((sample) => !/door="(?!grpc)|cause="expelled"| 0$/.test(sample));
    return told.map((sample) => sample.slice(0, sample.lastIndexOf(' ')));
  }

  /** What the server wrote to its log. */
  get log(): string {
    return this.program.err;
  }

  /** Why the server has ended, if it has. */
  #death(): Error | undefined {
    const { exitCode, signalCode } = this.program.process;
    if (this.cap.isExceeded) return new Error(`the server took more than ${this.cap.bytesMax / 1_048_576} MiB`);
    if (exitCode === null && signalCode === null) return undefined;
    return new Error(`the server ended with ${exitCode ?? signalCode}: ${this.log.slice(0, LOG_CHARS_MAX)}`);
  }

  /** How many files and sockets the server has open. */
  openFiles(): number {
    return readdirSync(`/proc/${this.program.process.pid}/fd`).length;
  }

  /**
   * Runs an attack, and beside it an ordinary client, which opens a connection, makes a session, reads the list of all, and
   * ends it, again and again until the attack is over, and then once more. It never tries a call twice: one that fails
   * fails the whole.
   */
  async beside(attack: () => Promise<void>): Promise<Observed> {
    try {
      return await this.#observe(attack);
    } catch (error) {
      // What became of the server is why the client's call failed. The signal may take a moment to be told.
      await wait(DEATH_MS);
      throw this.#death() ?? error;
    }
  }

  async #observe(attack: () => Promise<void>): Promise<Observed> {
    const before = this.rss();
    let peak = before;
    let slowestMs = 0;
    let calls = 0;
    let over = false;
    const timed = async <T>(call: Promise<T>): Promise<T> => {
      const start = performance.now();
      const answer = await call;
      slowestMs = Math.max(slowestMs, performance.now() - start);
      calls++;
      peak = Math.max(peak, this.rss());
      return answer;
    };
    const attacking = attack().finally(() => {
      over = true;
    });
    // Looked at below; a failure of the ordinary client comes first.
    attacking.catch(() => {});
    while (!over) {
      await this.#visit(timed);
      await wait(PAUSE_MS);
    }
    await attacking;
    await this.#visit(timed);
    return { calls, slowestMs, grownBytes: peak - before };
  }

  async #visit(timed: <T>(call: Promise<T>) => Promise<T>): Promise<void> {
    const client = this.client();
    try {
      const request = {
        instanceUuid: crypto.randomUUID(),
        instanceType: 2,
        instanceFlavor: 0,
        ttl: undefined,
        name: '',
        labels: {},
      };
      const { sessionToken } = await timed(ask(client, Sessions.session, request, undefined, this.callMs));
      const page = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };
      await timed(ask(client, Sessions.listSessions, page, undefined, this.callMs));
      await timed(ask(client, Sessions.terminateSession, { cvid: 0, reason: '' }, sessionToken, this.callMs));
    } finally {
      client.close();
    }
  }
}

/** A unary call that is given up after so long. */
export function ask<Q, A>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: Method<Q, A>,
  request: Q,
  token?: string,
  givenUpMs = LATENCY_MS_MAX,
): Promise<A> {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('switchyard-session', token);
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + givenUpMs };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });
}

/** Opens sessions as large as they can be, so that a page of them is as large as it can be. */
export async function fill(target: Target, sessions: number): Promise<void> {
  const client = target.client();
  const labels = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`label-${at}`, 'v'.repeat(64)]));
  const open = () => openSession(client, { name: 'n'.repeat(100), labels }, target.callMs);
  for (let opened = 0; opened < sessions; opened += 100) await Promise.all(Array.from({ length: 100 }, open));
  client.close();
}

/** Opens a session for an hour. */
export function openSession(
  client: Client,
  { name = '', labels = {} as Record<string, string> } = {},
  givenUpMs = LATENCY_MS_MAX,
) {
  const ttl = { seconds: 3_600n, nanos: 0 };
  const request = { instanceUuid: crypto.randomUUID(), instanceType: 2, instanceFlavor: 0, ttl, name, labels };
  return ask(client, Sessions.session, request, undefined, givenUpMs);
}
