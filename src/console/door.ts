import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Admission } from '../admission/admission.js';
import type { DoorListener } from '../admission/door-listener.js';
import type { HttpConnections } from '../admission/http-connections.js';
import { Place } from '../admission/place.js';
import type { WebOrigin, WebRefusal } from '../admission/web-guard.js';
import { type Address, plainAddress } from '../base/address.js';
import type { Clock, Random } from '../base/clock.js';
import { NETWORK_NAME, NETWORK_NAME_RULE } from '../core/model/network.js';
import type { Asset } from './assets.js';
import type { CallsPort, Standing } from './calls-port.js';
import type { Login } from './credentials.js';
import { CLOSE, CONSOLE_PROTOCOL } from './frames.js';
import { SECURE_HEADERS, SECURITY_HEADERS } from './headers.js';
import { CONSOLE_LIMITS, CONSOLE_PLACES, type ConsoleLimits } from './limits.js';
import { Logins } from './logins.js';
import { ConsolePage, type LoginState } from './page.js';
import { PageGuard } from './page-guard.js';
import { answerPost, cookieOf, type PostDeps, roleAnswer } from './posts.js';
import { ownerOf } from './spent.js';

/** What the console's door stands on. */
export interface ConsoleDeps {
  readonly calls: CallsPort;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly random: Random;
  /** Codes and logins are made from it. */
  readonly adminToken: string;
  /** The server's UUID: names the cookie, as consoles of one host share its cookies. */
  readonly serverUuid: string;
  readonly assets: ReadonlyMap<string, Asset>;
  /** Besides the page's own. */
  readonly origins: readonly WebOrigin[];
  /** Its certificate and key, PEM. Undefined: the console is not encrypted. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly limits?: ConsoleLimits;
}

/** How long a connection that is no page's may be silent. */
const SILENT_MS = 10_000;
/** How long a page may take to hear why it ends, and to say goodbye. */
const GOODBYE_MS = 200;
const YEAR_S = 31_536_000;

/**
 * The console's door: serves the page to a browser, logs its user in, and carries the page's calls to the services over one
 * WebSocket. It decides nothing about the network: every call is made as whoever is logged in, and the services refuse.
 */
export class ConsoleDoor {
  readonly #deps: ConsoleDeps;
  readonly #limits: ConsoleLimits;
  readonly #logins: Logins;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #connections: HttpConnections;
  readonly #pages = new Map<ConsolePage, Login>();
  readonly #posts: PostDeps;
  #guard: PageGuard;
  #listener: DoorListener | undefined;
  #isDraining = false;

  constructor(deps: ConsoleDeps) {
    const { clock, random, adminToken, serverUuid, tls, limits = CONSOLE_LIMITS } = deps;
    this.#deps = deps;
    this.#limits = limits;
    const { calls } = deps;
    this.#logins = new Logins({ clock, random, limits, adminToken, calls });
    this.#guard = new PageGuard(deps.origins, '', tls !== undefined);
    const cookieName = `switchyard-console-${serverUuid.slice(0, 8)}`;
    this.#posts = { logins: this.#logins, calls, limits, cookieName, isSecure: tls !== undefined };
    const { fence } = deps.admission;
    const answer = fence.around(
      'console',
      (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response),
      (request) => request.socket.destroy(),
    );
    const upgrade = fence.around(
      'console',
      (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket as Socket, head),
      (_request, socket) => socket.destroy(),
    );
    const options = { keepAliveTimeout: SILENT_MS };
    this.#http = tls ? createSecureServer({ ...tls, ...options }, answer) : createServer(options, answer);
    // Node's own timeouts of requests, and its list of connections, are only there for a server that listens itself.
    this.#http.timeout = SILENT_MS;
    this.#connections = deps.admission.connections(this.#http);
    this.#http.on('upgrade', upgrade);
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: limits.frameBytesMax,
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(CONSOLE_PROTOCOL) ? CONSOLE_PROTOCOL : false),
    });
  }

  /** How many pages are open. */
  get pageCount(): number {
    return this.#pages.size;
  }

  /** Begins to listen. Resolves with the address, its port a real one. */
  listen(wanted: Address): Promise<Address> {
    const { admission, origins, tls } = this.#deps;
    this.#guard = new PageGuard(origins, wanted.host, tls !== undefined);
    const gate = admission.gate({ door: 'console', places: CONSOLE_PLACES });
    this.#listener = admission.listener('console', gate, this.#http);
    return this.#listener.listen(wanted);
  }

  /** Shows another certificate from the next connection on. */
  renew({ cert, key }: { readonly cert: Buffer; readonly key: Buffer }): void {
    if (this.#http instanceof SecureServer) this.#http.setSecureContext({ cert, key });
  }

  /** Lets nobody new in. Pages that are open hear from their watches that the server goes. */
  drain(): void {
    this.#isDraining = true;
    this.#listener?.close();
  }

  /**
   * Closes every page: once its watches have told it why, and cut off when it does not answer the goodbye. What is still being sent
   * to browsers is sent to its end.
   */
  async close(deadlineMs: number): Promise<void> {
    await this.#pause(deadlineMs);
    for (const page of this.#pages.keys()) page.close(CLOSE.goingAway, 'the server goes down');
    await this.#pause(deadlineMs);
    for (const page of this.#pages.keys()) page.destroy();
    await this.#connections.end(deadlineMs);
  }

  /** Some turns of the event loop for what is on its way, and none where nobody waits for it. */
  #pause(deadlineMs: number): Promise<void> | undefined {
    if (this.#pages.size === 0 || deadlineMs === 0) return undefined;
    return new Promise((resolve) => {
      this.#deps.clock.after(Math.min(deadlineMs, GOODBYE_MS), resolve);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { tls } = this.#deps;
    for (const [name, value] of Object.entries(tls ? SECURE_HEADERS : SECURITY_HEADERS)) {
      response.setHeader(name, value);
    }
    Place.of(request.socket)?.establish();
    const isReading = request.method === 'GET' || request.method === 'HEAD';
    const refusal = isReading ? this.#guard.refusesHost(request) : this.#guard.refuses(request);
    if (refusal !== undefined) {
      this.#report(request.socket, refusal);
      response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end(`${refusal.message}\n`);
      return;
    }
    const path = pathOf(request);
    if (request.method === 'POST') {
      const login = this.#loginOf(request);
      const { fence } = this.#deps.admission;
      answerPost(path, request, response, {
        ...this.#posts,
        fence,
        login,
        ended: ({ family }) => this.#endPages(family),
      });
    } else if (!isReading) response.writeHead(405, { allow: 'GET, HEAD, POST' }).end();
    else if (path === '/session') roleAnswer(response, this.#posts, this.#loginOf(request));
    else this.#sendAsset(request, response, path);
  }

  #sendAsset({ headers, method }: IncomingMessage, response: ServerResponse, path: string): void {
    const asset = this.#deps.assets.get(path);
    if (asset === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('there is no such page\n');
      return;
    }
    const { type, bytes, brotli, isHashed } = asset;
    const isBrotli = brotli !== undefined && /\bbr\b/.test(String(headers['accept-encoding'] ?? ''));
    const body = isBrotli ? brotli : bytes;
    response.writeHead(200, {
      'content-type': type,
      'content-length': body.length,
      'cache-control': isHashed ? `public, max-age=${YEAR_S}, immutable` : 'no-cache',
      vary: 'accept-encoding',
      ...(isBrotli ? { 'content-encoding': 'br' } : {}),
    });
    response.end(method === 'HEAD' ? undefined : body);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => {});
    const refusal = this.#guard.refuses(request);
    if (refusal !== undefined) this.#report(socket, refusal);
    const login = this.#loginOf(request);
    const why = refusal === undefined ? this.#whyNoPage(request, login) : (['403 Forbidden', refusal.message] as const);
    if (login === undefined || why !== undefined) forbid(socket, why ?? ['401 Unauthorized', 'log in first']);
    else {
      const network = networkAsked(request) ?? login.network;
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#serve(ws, socket, { ...login, network }));
    }
  }

  #whyNoPage(request: IncomingMessage, login: Login | undefined): readonly [string, string] | undefined {
    if (pathOf(request) !== '/socket') return ['404 Not Found', 'there is no such page'];
    if (login === undefined) return ['401 Unauthorized', 'log in first'];
    const network = networkAsked(request) ?? login.network;
    if (!NETWORK_NAME.test(network)) return ['400 Bad Request', NETWORK_NAME_RULE];
    if (login.role !== 'administrator' && network !== login.network) {
      return ['403 Forbidden', `this login is for the network ${login.network}`];
    }
    if (this.#isDraining) return ['503 Service Unavailable', 'the server is draining'];
    const limit = this.#pageLimit(login);
    return limit === undefined ? undefined : ['503 Service Unavailable', limit];
  }

  /** Why somebody may not open one more page; undefined when there is room. */
  #pageLimit(login: Login): string | undefined {
    const { pagesMax, pagesPerIdentityMax, pagesKept } = this.#limits;
    if (this.#pages.size >= pagesMax) return `${pagesMax} pages at once are the limit`;
    if (login.identity === undefined) return undefined;
    const ofIdentities = [...this.#pages.values()].filter(({ identity }) => identity !== undefined);
    if (ofIdentities.length >= pagesMax - pagesKept) return `${pagesMax - pagesKept} pages of identities are the limit`;
    const own = ofIdentities.filter((other) => ownerOf(other) === ownerOf(login));
    return own.length < pagesPerIdentityMax ? undefined : `${pagesPerIdentityMax} pages of an identity are the limit`;
  }

  /** Carries the calls of a page, of whoever is logged in, about the network that it asked for. */
  #serve(ws: WebSocket, socket: Socket, login: Login): void {
    const { calls, clock, admission } = this.#deps;
    const { fence } = admission;
    const place = Place.of(socket);
    place?.establish();
    place?.vouch();
    place?.setBusy(true);
    socket.setNoDelay(true);
    const peer = peerOf(socket);
    const { role, network, identity } = login;
    const user = { role, network, identity };
    const page = new ConsolePage(ws, {
      calls,
      clock,
      fence,
      limits: this.#limits,
      ...user,
      peer,
      login: this.#watch(login),
    });
    this.#pages.set(page, login);
    ws.on('close', () => this.#pages.delete(page));
  }

  /** How a login is since this moment. */
  #watch(login: Login): () => LoginState {
    const { calls, clock } = this.#deps;
    const before = calls.standing(login);
    return () => {
      const now = calls.standing(login);
      if (login.expiresMs <= clock.wallMs() || now === undefined) return 'over';
      // Of a network that is gone or stopped the services tell, to those whose login outlives it.
      return now.mode === undefined || wordOf(now) === wordOf(before) ? 'holds' : 'changed';
    };
  }

  /** Ends the pages of logins that are over. */
  #endPages(family: string): void {
    for (const [page, login] of this.#pages) {
      if (login.family === family) page.close(CLOSE.loggedOut, 'the login is over');
    }
  }

  #loginOf(request: IncomingMessage): Login | undefined {
    return this.#logins.read(cookieOf(request, this.#posts.cookieName));
  }

  #report({ remoteAddress }: Socket, { cause, message }: WebRefusal): void {
    const option = '--console-origin';
    this.#deps.admission.reports.report({ door: 'console', cause, why: message, address: remoteAddress, option });
  }
}

/** Two of the same allow the same. Not the mode: the first ticket changes it, and its page is not to lose the answer for that. */
function wordOf(standing: Standing | undefined): string | undefined {
  return standing && JSON.stringify([standing.name, standing.roles, standing.may]);
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.replace(/[?#].*$/s, '');
}

/** The network that a page asks to show; undefined where it leaves that to its login. */
function networkAsked({ url = '/' }: IncomingMessage): string | undefined {
  return new URLSearchParams(/\?(.*)$/s.exec(url)?.[1]).get('network') ?? undefined;
}

function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  const host = plainAddress(remoteAddress);
  return `${host.includes(':') ? `[${host}]` : host}:${remotePort}`;
}

function forbid(socket: Socket, [status, message]: readonly [string, string]): void {
  const body = `${message}\n`;
  const head = `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${body}`);
  socket.destroySoon();
}
