import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Admission } from '../admission/admission.js';
import type { DoorListener } from '../admission/door-listener.js';
import type { HttpConnections } from '../admission/http-connections.js';
import { Place } from '../admission/place.js';
import { WebGuard, type WebOrigin } from '../admission/web-guard.js';
import { type Address, plainAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { Holdings } from '../base/holdings.js';
import { WebCaller } from './caller.js';
import type { WebCallsPort } from './calls-port.js';
import { HttpExchange } from './exchange.js';
import { WEB_LIMITS, WEB_PLACES, type WebLimits } from './limits.js';
import { Methods } from './methods.js';
import { type HttpRefusal, protocolOf, queryOf } from './negotiate.js';
import type { Protocol } from './protocol.js';
import { SlicedInput } from './sliced-input.js';
import { internal } from './status.js';

/** What the web door stands on. */
export interface WebDoorDeps {
  readonly calls: WebCallsPort;
  readonly admission: Admission;
  readonly clock: Clock;
  /** Whose pages may call. Programs, which send no Origin, always may. */
  readonly origins: readonly WebOrigin[];
  /** Headers that are metadata of a call: its credentials. */
  readonly metadataNames: readonly string[];
  /** Its certificate and key, PEM. Undefined: calls are not encrypted. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly limits?: WebLimits;
}

/** How a request is read and answered, and its message where the body is not it. */
interface Accepted {
  readonly protocol: Protocol;
  readonly body: (() => Buffer) | undefined;
}

/** Headers that browsers may send with a call, besides its metadata. */
const ALLOWED_HEADERS = [
  'content-type',
  'connect-protocol-version',
  'connect-timeout-ms',
  'grpc-timeout',
  'x-grpc-web',
  'x-user-agent',
];
const EXPOSED_HEADERS = 'grpc-status, grpc-message, grpc-status-details-bin';
/** How often a connection whose call says nothing is asked by the kernel whether anybody is there. */
const KEEPALIVE_MS = 30_000;

/**
 * The web door: the services for clients that have no gRPC, over HTTP/1.1. Connect with JSON or Protobuf, for `curl` and for
 * pages, and gRPC-Web for pages that have it already. It carries messages over: every call is one of the same services.
 */
export class WebDoor {
  readonly #deps: WebDoorDeps;
  readonly #limits: WebLimits;
  readonly #methods = new Methods();
  readonly #http: Server;
  readonly #exchanges = new Map<HttpExchange, Socket>();
  readonly #open: HttpConnections;
  /** Open connections. */
  readonly #connections = new Map<Socket, WebCaller>();
  readonly #arriving: Holdings<HttpExchange>;
  readonly #untaken: Holdings<HttpExchange>;
  #guard: WebGuard;
  #listener: DoorListener | undefined;

  constructor(deps: WebDoorDeps) {
    const { tls, limits = WEB_LIMITS } = deps;
    this.#deps = deps;
    this.#limits = limits;
    const expel = (exchange: HttpExchange) => exchange.destroy();
    this.#arriving = new Holdings({ bytesMax: limits.requestBytesInAllMax, expel });
    this.#untaken = new Holdings({ bytesMax: limits.untakenBytesInAllMax, expel });
    this.#guard = new WebGuard(deps.origins, '', () => []);
    const { fence } = deps.admission;
    const answer = fence.around(
      'web',
      (request: IncomingMessage, response: ServerResponse) => this.#await(request, response),
      (request) => request.socket.destroy(),
    );
    const connected = fence.around(
      'web',
      (socket: Socket) => this.#connected(socket),
      (socket) => socket.destroy(),
    );
    const options = { keepAliveTimeout: limits.idleMs };
    this.#http = tls ? createSecureServer({ ...tls, ...options }, answer) : createServer(options, answer);
    this.#http.timeout = limits.idleMs;
    this.#http.on('timeout', (socket) => this.#silent(socket));
    this.#open = deps.admission.connections(this.#http);
    this.#http.on(tls ? 'secureConnection' : 'connection', connected);
  }

  /** How many calls are open. */
  get callCount(): number {
    return this.#exchanges.size;
  }

  /** Bytes that are held for callers, by what holds them. */
  heldBytes(): Record<string, number> {
    return { web_requests: this.#arriving.total, web_answers: this.#untaken.total };
  }

  /** Begins to listen. Resolves with the address, its port a real one. */
  listen(wanted: Address): Promise<Address> {
    const { admission, origins } = this.#deps;
    const gate = admission.gate({ door: 'web', places: WEB_PLACES });
    const listener = admission.listener('web', gate, this.#http);
    this.#guard = new WebGuard(origins, wanted.host, () => listener.bound, '--web-origin');
    this.#listener = listener;
    return listener.listen(wanted);
  }

  /** Shows another certificate from the next connection on. */
  renew({ cert, key }: { readonly cert: Buffer; readonly key: Buffer }): void {
    if (this.#http instanceof SecureServer) this.#http.setSecureContext({ cert, key });
  }

  /** Lets nobody new in. Watches hear from the services that the server goes. */
  drain(): void {
    this.#listener?.close();
  }

  /** Waits for the calls to end and for their answers to arrive, and cuts off what is left at the deadline. */
  async close(deadlineMs: number): Promise<void> {
    await this.#open.end(deadlineMs);
    for (const exchange of this.#exchanges.keys()) exchange.destroy();
  }

  #connected(socket: Socket): void {
    const peer = peerOf(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    const { calls, clock, admission } = this.#deps;
    const input = new SlicedInput(socket, {
      clock,
      fence: admission.fence,
      sliceBytes: this.#limits.sliceBytes,
      mayGoOn: (wake) => calls.mayGoOn(peer, wake),
      spent: (ms) => calls.spent(peer, ms),
    });
    const caller = new WebCaller(input);
    this.#connections.set(socket, caller);
    const place = Place.of(socket);
    if (place !== undefined) place.isHeld = () => caller.isHeld;
    socket.once('close', () => {
      calls.forget(peer, input.wake);
      this.#connections.delete(socket);
      // Node tells the answers that wait for others before them nothing of it.
      for (const exchange of caller.exchanges) {
        exchange.destroy();
        this.#leave(exchange, socket);
      }
      this.#deps.calls.left(peer);
    });
  }

  /** A connection has been silent so long that it is closed, unless what it has sent waits for its turn here. */
  #silent(socket: Socket): void {
    const caller = this.#connections.get(socket);
    if (caller?.isHeld === true) this.#counted(socket);
    else socket.destroy();
  }

  /** Answers when it is the turn of its address: what is asked here costs more than a call of gRPC. */
  #await(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // A chunk is parsed to its end, also past the request for which its connection was closed.
    if (socket.destroyed) return;
    const { calls, admission, clock } = this.#deps;
    Place.of(socket)?.establish();
    // node:http parses nothing behind it in what has come: whoever sent more is told by the end of the connection.
    if (request.headers.upgrade !== undefined) response.setHeader('connection', 'close');
    const { callsPerConnectionMax: max } = this.#limits;
    const caller = this.#connections.get(socket);
    if (caller === undefined || caller.exchanges.size + caller.waiting >= max || !caller.mayAsk(clock, max)) {
      socket.destroy();
      return;
    }
    const answer = () => {
      caller.waiting--;
      if (!socket.destroyed) this.#answer(request, response);
    };
    caller.waiting++;
    // Its turn may come in a later one of the event loop, past the fence around this one.
    if (
      calls.enter(
        peerOf(socket),
        admission.fence.around('web', answer, () => socket.destroy()),
      )
    )
      return;
    caller.waiting--;
    refuse(response, { http: 503, headers: { 'retry-after': '1' }, message: 'too many requests wait already' });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('x-content-type-options', 'nosniff');
    const refusal = this.#guard.refuses(request);
    if (refusal !== undefined) {
      const { cause, message } = refusal;
      const address = request.socket.remoteAddress;
      this.#deps.admission.reports.report({ door: 'web', cause, why: message, address, option: '--web-origin' });
      refuse(response, { http: 403, headers: {}, message });
    } else {
      this.#allowOrigin(request, response);
      if (request.method === 'OPTIONS') this.#answerPreflight(response);
      else this.#call(request, response);
    }
  }

  #allowOrigin({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
    response.setHeader('vary', 'origin');
    if (origin === undefined) return;
    // The guard has looked: it is one of those that are allowed.
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', EXPOSED_HEADERS);
  }

  #answerPreflight(response: ServerResponse): void {
    response.writeHead(204, {
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': [...ALLOWED_HEADERS, ...this.#deps.metadataNames].join(', '),
      'access-control-max-age': String(this.#limits.preflightS),
    });
    response.end();
  }

  #call(request: IncomingMessage, response: ServerResponse): void {
    const { path, query } = targetOf(request.url ?? '/');
    const method = this.#methods.find(path);
    const found = this.#protocolOf(request, method, query);
    if ('http' in found) refuse(response, found);
    else this.#begin(request, response, path, found);
  }

  #protocolOf(
    request: IncomingMessage,
    method: DescMethod | undefined,
    query: URLSearchParams,
  ): Accepted | HttpRefusal {
    const { registry } = this.#methods;
    if (method === undefined) {
      const message = 'there is nothing here: call POST /switchyard.v1.SERVICE/METHOD, see docs/clients.md';
      return { http: 404, headers: {}, message };
    }
    if (request.method === 'GET') return queryOf(method, query, registry);
    if (request.method !== 'POST') {
      return { http: 405, headers: { allow: 'GET, POST, OPTIONS' }, message: `${method.name} is called by POST` };
    }
    const protocol = protocolOf(method, request.headers['content-type'] ?? '', registry);
    return 'http' in protocol ? protocol : { protocol, body: undefined };
  }

  #begin(request: IncomingMessage, response: ServerResponse, path: string, { protocol, body }: Accepted): void {
    const { socket } = request;
    const { calls: port, clock, admission } = this.#deps;
    const [limits, arriving, untaken] = [this.#limits, this.#arriving, this.#untaken];
    const metadata = this.#metadataOf(request);
    const ended = (exchange: HttpExchange) => this.#leave(exchange, socket);
    const vouched = () => Place.of(socket)?.vouch();
    const failed = (error: unknown) => internal(admission.fence.report('web', error));
    const peer = peerOf(socket);
    const caller = this.#connections.get(socket);
    const isHeld = () => caller?.input.isHeld === true;
    const deps = { calls: port, clock, limits, isHeld, arriving, untaken, metadata, ended, vouched, failed, peer };
    const exchange = new HttpExchange(request, response, protocol, deps);
    this.#exchanges.set(exchange, socket);
    caller?.exchanges.add(exchange);
    this.#counted(socket);
    exchange.begin(path, body);
  }

  #leave(exchange: HttpExchange, socket: Socket): void {
    if (!this.#exchanges.delete(exchange)) return;
    this.#arriving.forget(exchange);
    this.#untaken.forget(exchange);
    this.#connections.get(socket)?.exchanges.delete(exchange);
    this.#counted(socket);
  }

  /** A connection with a call is kept however long that is silent, and loses its place to nobody. */
  #counted(socket: Socket): void {
    const caller = this.#connections.get(socket);
    if (caller === undefined) return;
    const isBusy = caller.exchanges.size > 0;
    Place.of(socket)?.setBusy(isBusy);
    socket.setTimeout(isBusy ? 0 : this.#limits.idleMs);
  }

  #metadataOf({ headers }: IncomingMessage): Record<string, string> {
    const given = this.#deps.metadataNames.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    });
    return Object.fromEntries(given);
  }
}

/**
 * What a request asks for. Its target is a path, or a whole URL where a proxy passes it on (RFC 9112, section 3.2); of a URL that
 * is none it asks for nothing that is there.
 */
function targetOf(target: string): { readonly path: string; readonly query: URLSearchParams } {
  if (!target.startsWith('/') && URL.canParse(target)) {
    const { pathname, searchParams } = new URL(target);
    return { path: pathname, query: searchParams };
  }
  const [path = '', ...rest] = target.split('?');
  return { path, query: new URLSearchParams(rest.join('?')) };
}

function refuse(response: ServerResponse, { http, headers, message }: HttpRefusal): void {
  // Whatever it sends besides is not read.
  response.writeHead(http, { ...headers, 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${message}\n`);
}

function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  const host = plainAddress(remoteAddress);
  return `${host.includes(':') ? `[${host}]` : host}:${remotePort}`;
}
