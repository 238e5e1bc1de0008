import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { type Program, startServerProcess } from '../cli/process.js';
import type { Method } from '../grpc/running.js';

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
/** The latency that an ordinary client never sees exceeded, whatever goes on beside it: its calls fail beyond. */
export const LATENCY_MS_MAX = 10_000;

/** A server in a process of its own, with an ordinary client beside whatever else is done to it. */
export class Target {
  private constructor(
    private readonly program: Program,
    readonly address: string,
  ) {}

  static async start(...args: readonly string[]): Promise<Target> {
    const all = ['--listen', '127.0.0.1:0', '--data', ':memory:', ...args];
    const { program, address } = await startServerProcess(all);
    const target = new Target(program, address);
    // What the first calls bring into memory is nobody's attack.
    await target.beside(() => wait(300));
    return target;
  }

  async stop(): Promise<void> {
    await this.program.stop('SIGKILL');
  }

  /** Resident memory of the server, in bytes. */
  rss(): number {
    const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.program.process.pid}/status`, 'utf8'))!;
    return Number(kib) * 1024;
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
      await this.visit(timed);
      await wait(PAUSE_MS);
    }
    await attacking;
    await this.visit(timed);
    return { calls, slowestMs, grownBytes: peak - before };
  }

  private async visit(timed: <T>(call: Promise<T>) => Promise<T>): Promise<void> {
    const client = new Client(this.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    try {
      const request = {
        instanceUuid: crypto.randomUUID(),
        instanceType: 2,
        instanceFlavor: 0,
        ttl: undefined,
        name: '',
        labels: {},
      };
      const { sessionToken } = await timed(ask(client, Sessions.session, request));
      const page = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };
      await timed(ask(client, Sessions.listSessions, page));
      await timed(ask(client, Sessions.terminateSession, { cvid: 0, reason: '' }, sessionToken));
    } finally {
      client.close();
    }
  }
}

/** A unary call that is given up after {@link LATENCY_MS_MAX}. */
export function ask<Q, A>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: Method<Q, A>,
  request: Q,
  token?: string,
): Promise<A> {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('switchyard-session', token);
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + LATENCY_MS_MAX };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });
}
