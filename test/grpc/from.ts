import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { Metadata as GrpcMetadata, type Metadata } from '@grpc/grpc-js';
import { type Method, type Refusal, refusalOf } from './running.js';

/** What came of a call: an answer, or the refusal. */
export type Outcome<A> = { readonly answer: A } | { readonly refusal: Refusal };

/** A connection of gRPC from an address of the loopback's own choosing, which grpc-js has no option for. */
export class GrpcFrom {
  /** Resolves when the connection is over, by whomever. */
  readonly closed: Promise<void>;

  private constructor(private readonly session: ClientHttp2Session) {
    this.closed = new Promise((resolve) => void session.once('close', () => resolve()));
  }

  /** `before` is sent before HTTP/2, such as the header of a proxy. */
  static async connect(localAddress: string, server: string, before?: Uint8Array): Promise<GrpcFrom> {
    const [host, port] = server.split(':');
    const socket = connectSocket({ host, port: Number(port), localAddress });
    await once(socket, 'connect');
    if (before !== undefined) socket.write(before);
    const session = connect(`http://${server}`, { createConnection: () => socket });
    session.on('error', () => {});
    return new GrpcFrom(session);
  }

  /** A unary call. */
  async ask<Q, A>(
    { path, requestSerialize, responseDeserialize }: Method<Q, A>,
    request: Q,
    token?: string,
  ): Promise<Outcome<A>> {
    const proof = token === undefined ? {} : { 'switchyard-session': token };
    const stream = this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...proof,
    });
    let said: Record<string, string> = {};
    stream.on('response', (headers) => {
      said = headers as unknown as Record<string, string>;
    });
    stream.on('trailers', (trailers) => {
      said = trailers as unknown as Record<string, string>;
    });
    stream.end(framed(requestSerialize(request)));
    const body = Buffer.concat(await stream.toArray());
    if (said['grpc-status'] === '0') return { answer: responseDeserialize(body.subarray(5)) };
    const metadata: Metadata = new GrpcMetadata();
    const details = said['grpc-status-details-bin'];
    if (details !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(details, 'base64'));
    const error = {
      code: Number(said['grpc-status']),
      details: decodeURIComponent(said['grpc-message'] ?? ''),
      metadata,
    };
    return { refusal: refusalOf(error) };
  }

  /** Begins a call whose requests go on: it sends these, and resolves when something has come back. */
  async begin<Q, A>({ path, requestSerialize }: Method<Q, A>, requests: readonly Q[]): Promise<void> {
    const head = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = this.session.request(head).on('error', () => {});
    for (const request of requests) stream.write(framed(requestSerialize(request)));
    await once(stream, 'data');
  }

  /** The answer of a call that must not be refused. */
  async get<Q, A>(method: Method<Q, A>, request: Q, token?: string): Promise<A> {
    const outcome = await this.ask(method, request, token);
    if ('answer' in outcome) return outcome.answer;
    throw new Error(`it was refused: ${outcome.refusal.reason}, ${outcome.refusal.message}`);
  }

  /** The refusal of a call that must be refused. */
  async refused<Q, A>(method: Method<Q, A>, request: Q, token?: string): Promise<Refusal> {
    const outcome = await this.ask(method, request, token);
    if ('refusal' in outcome) return outcome.refusal;
    throw new Error('it was not refused');
  }

  async close(): Promise<void> {
    if (this.session.closed || this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.destroy();
    await closed;
  }
}

/** A message as gRPC sends it: not compressed, and its length before it. */
function framed(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
