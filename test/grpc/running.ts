import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { readConfig } from '../../src/config/config.js';
import { type RunningServer, type ServerDeps, startServer } from '../../src/server/server.js';
import { IS_REQUIRED, ProvingClient } from './proving-client.js';

/** The administrators' token of every server here. */
export const ADMIN_TOKEN = 'an-administrator-of-tests';

/** What every server here is told. Its sessions outlive the test that opens them, also on a machine that is busy. */
const BASE = {
  listen: '127.0.0.1:0',
  data: ':memory:',
  'admin-token': ADMIN_TOKEN,
  'log-level': 'silent',
  'session-ttl': '10m',
};

/** A server in this process, and a client on one connection. */
export interface Running {
  readonly server: RunningServer;
  readonly address: string;
  readonly client: Client;
  stop(): Promise<void>;
}

/**
 * Where to listen for rendezvous beside an address: on any free port. By default it is the port behind that of gRPC, which may be another
 * program's when a server starts again where it was.
 */
export function besides(listen: string): string {
  return listen.replace(/:\d+$/, ':0');
}

/** Starts a server on a free port of the loopback, in memory unless `data` is a folder. Flags as on the command line. */
export async function run(flags: Record<string, string> = {}, parts: Partial<ServerDeps> = {}): Promise<Running> {
  const config = readConfig({
    flags: {
      ...BASE,
      ...(IS_REQUIRED && { auth: 'required' }),
      'rendezvous-listen': besides(flags.listen ?? BASE.listen),
      ...flags,
    },
    env: {},
    platform: 'linux',
    home: '/nowhere',
    readFile: () => '',
  });
  const server = await startServer(config, {
    clock: parts.clock ?? systemClock,
    random: parts.random ?? systemRandom,
    journal: parts.journal,
    sharedLog: parts.sharedLog,
    assets: parts.assets,
    log: parts.log ?? pino({ level: 'silent' }),
    fatal:
      parts.fatal ??
      ((error) => {
        throw error;
      }),
  });
  const address = server.addresses.grpc;
  const proving = IS_REQUIRED && !('auth' in flags) ? new ProvingClient(address) : undefined;
  const interceptors = proving === undefined ? [] : [proving.interceptor];
  const client = new Client(address, credentials.createInsecure(), { interceptors });
  return {
    server,
    address,
    client,
    async stop() {
      client.close();
      proving?.close();
      await server.close();
    },
  };
}

/** Metadata that proves a session. */
export function asSession(token: string): Metadata {
  return asHeaders({ 'switchyard-session': token });
}

/** Metadata that proves an administrator. */
export function asAdmin(): Metadata {
  return asHeaders({ 'switchyard-admin': ADMIN_TOKEN });
}

/** Any metadata. */
export function asHeaders(entries: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}

/** A method of the generated definitions, as far as a client needs it. */
export interface Method<Q, A> {
  readonly path: string;
  readonly requestSerialize: (request: Q) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => A;
}

/** A unary call. Rejects with the ServiceError. */
export function ask<Q, A>(
  { client }: Pick<Running, 'client'>,
  method: Method<Q, A>,
  request: Q,
  metadata = new Metadata(),
): Promise<A> {
  const { path, requestSerialize, responseDeserialize } = method;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, {}, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });
}

/** A server stream, read one by one. */
export class Reading<A> {
  private readonly received: (A | Error)[] = [];
  private wake: (() => void) | undefined;

  constructor(readonly call: ClientReadableStream<A>) {
    const take = (one: A | Error) => {
      this.received.push(one);
      this.wake?.();
    };
    call.on('data', take);
    call.on('error', take);
    call.on('end', () => take(new Error('it ended without an error')));
  }

  /** The next message. Rejects with the error that ended the stream. */
  async next(): Promise<A> {
    while (this.received.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const one = this.received.shift()!;
    if (one instanceof Error) throw one;
    return one;
  }

  /** Reads up to the first message that fits, and answers with all of them. */
  async until(fits: (message: A) => boolean): Promise<A[]> {
    const messages: A[] = [];
    for (;;) {
      const message = await this.next();
      messages.push(message);
      if (fits(message)) return messages;
    }
  }

  /** The error that ends the stream; messages before it do not matter. */
  async ending(): Promise<Refusal> {
    for (;;) {
      try {
        await this.next();
      } catch (error) {
        return refusalOf(error);
      }
    }
  }
}

/** Opens a server stream. */
export function open<Q, A>(
  { client }: Pick<Running, 'client'>,
  method: Method<Q, A>,
  request: Q,
  metadata = new Metadata(),
): Reading<A> {
  const { path, requestSerialize, responseDeserialize } = method;
  return new Reading(client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata));
}

/** What an error says, its details unpacked. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Record<string, string>;
  readonly fields: string[];
  readonly retryMs: number | undefined;
}

/** Reads an error as a client should: from its details, which it must have. */
export function refusalOf(error: unknown): Refusal {
  const { code, details, metadata } = error as ServiceError;
  const [bytes] = metadata?.get('grpc-status-details-bin') ?? [];
  const status = bytes === undefined ? undefined : Status.decode(bytes as Buffer);
  const detail = (type: string) => status?.details.find((any) => any.typeUrl === `type.googleapis.com/${type}`)?.value;
  const info = detail('google.rpc.ErrorInfo');
  const request = detail('google.rpc.BadRequest');
  const retry = detail('google.rpc.RetryInfo');
  const { reason, domain, metadata: facts } = info === undefined ? ErrorInfo.create() : ErrorInfo.decode(info);
  const delay = retry && RetryInfo.decode(retry).retryDelay;
  return {
    code,
    message: details,
    reason: reason || undefined,
    domain: domain || undefined,
    metadata: facts,
    fields: request === undefined ? [] : BadRequest.decode(request).fieldViolations.map(({ field }) => field),
    retryMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
}

/** The refusal of something that must be refused. */
export async function refused(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    return refusalOf(error);
  }
  throw new Error('it was not refused');
}

/** A request for a session of an agent, by a number. */
export function agent(number: number) {
  return {
    instanceUuid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    instanceType: 2,
    instanceFlavor: 0,
    ttl: undefined,
    name: '',
    labels: {},
  };
}
