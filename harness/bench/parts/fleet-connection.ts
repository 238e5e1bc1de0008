import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChallengeRequest, ChallengeResponse } from '../../../gen/switchyard/v1/identity.js';

/** A connection that was refused is tried again after this and up to as long again, then after twice as long each time. */
const AGAIN_MIN_MS = 50;
/** The longest of these: a fleet of which each waits so long is still back within the half minute that is its goal. */
const AGAIN_MAX_MS = 2_000;
/** gRPC's UNAVAILABLE: what a call without a status of its own counts as. */
const UNAVAILABLE = 14;

/** The nonce of a challenge, and whose it is. */
export type Challenged = Pick<ChallengeResponse, 'nonce' | 'serverUuid'>;

/** An answer of a unary call, as the wire has it. */
export interface Answer {
  /** gRPC's. */
  readonly status: number;
  readonly message: Buffer;
  /** When to try again; undefined: not at all. */
  readonly pushbackMs: number | undefined;
}

/** Where a connection goes, and from which address. */
export interface FleetRoute {
  readonly port: number;
  /** The authority of the server's certificate, PEM. Absent: in plain text. */
  readonly ca?: string | Buffer;
  /** The name in that certificate. */
  readonly servername?: string;
  readonly localAddress: string;
}

/** The connection is gone, and an answer will not come. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/**
 * A connection of a fleet: unary calls over plain HTTP/2, as a client of grpc-js would take more CPU than the server that is measured.
 * As clients do, it connects again when it is refused or closed.
 */
export class FleetConnection {
  readonly #route: FleetRoute;
  #session: ClientHttp2Session | undefined;
  #connecting: Promise<void> | undefined;
  #madeAgain = 0;

  constructor(route: FleetRoute) {
    this.#route = route;
  }

  /** How often it was refused, or lost without {@link close}, and made again. */
  get madeAgain(): number {
    return this.#madeAgain;
  }

  /** Resolves once it stands, at once if it does. Rejects when it does not by that moment of `performance.now()`. */
  ready(untilMs: number): Promise<void> {
    if (this.#session?.closed === false && !this.#session.destroyed) return Promise.resolve();
    if (this.#connecting === undefined) {
      if (this.#session !== undefined) this.#madeAgain += 1;
      this.#connecting = this.#connect(untilMs).finally(() => {
        this.#connecting = undefined;
      });
    }
    return this.#connecting;
  }

  /** Ends it. Resolves once it is closed; {@link ready} makes another. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined || session.destroyed) return;
    const closed = new Promise<void>((resolve) => void session.once('close', resolve));
    session.destroy();
    await closed;
  }

  /** Leaves it open, and goes on without it, as a device behind a router that was restarted. Answers with how to end it. */
  leave(): () => void {
    const session = this.#session;
    this.#session = undefined;
    return () => session?.destroy();
  }

  /** A unary call. Rejects with a {@link ConnectionLostError} when the connection goes before the answer is complete. */
  call(method: string, message: Uint8Array, token?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const session = this.#session;
      if (session === undefined || session.closed || session.destroyed) {
        reject(new ConnectionLostError(`${method}: there is no connection`));
        return;
      }
      const stream = session.request({
        ':method': 'POST',
        ':path': `/switchyard.v1.${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...(token !== undefined && { 'switchyard-session': token }),
      });
      const chunks: Buffer[] = [];
      let trailers: Readonly<Record<string, unknown>> = {};
      const take = (headers: Readonly<Record<string, unknown>>) => {
        if (headers['grpc-status'] !== undefined) trailers = headers;
      };
      stream.on('response', take).on('trailers', take);
      stream.on('data', (chunk: Buffer) => void chunks.push(chunk));
      stream.on('error', () => {});
      // A stream of a connection that was reset may end by this event alone.
      stream.on('close', () => {
        if ((session.closed || session.destroyed) && trailers['grpc-status'] === undefined) {
          reject(new ConnectionLostError(`${method}: the connection was closed`));
          return;
        }
        const pushback = trailers['grpc-retry-pushback-ms'];
        resolve({
          status: Number(trailers['grpc-status'] ?? UNAVAILABLE),
          message: Buffer.concat(chunks).subarray(5),
          pushbackMs: pushback === undefined ? undefined : Number(pushback),
        });
      });
      stream.end(framed(message));
    });
  }

  /** Draws a nonce. */
  async challenge(): Promise<Challenged> {
    const message = ChallengeRequest.encode(ChallengeRequest.create()).finish();
    const answer = await this.call('IdentityService/Challenge', message);
    if (answer.status !== 0) throw new Error(`Challenge was answered with ${answer.status}`);
    return ChallengeResponse.decode(answer.message);
  }

  async #connect(untilMs: number): Promise<void> {
    let waitMs = AGAIN_MIN_MS;
    for (;;) {
      const session = await this.#tryOnce();
      if (session !== undefined) {
        this.#session = session;
        return;
      }
      if (performance.now() >= untilMs) throw new ConnectionLostError('the server was not reached in time');
      this.#madeAgain += 1;
      await sleep(waitMs * (1 + Math.random()));
      waitMs = Math.min(2 * waitMs, AGAIN_MAX_MS);
    }
  }

  /** Undefined: refused. */
  #tryOnce(): Promise<ClientHttp2Session | undefined> {
    const { port, ...tls } = this.#route;
    const options = { ...tls, settings: { enablePush: false } };
    const session = connect(`${tls.ca === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, options);
    session.on('error', () => {});
    return new Promise((resolve) => {
      session.once('connect', () => resolve(session));
      session.once('close', () => resolve(undefined));
    });
  }
}

/** A message with gRPC's head before it. */
function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
