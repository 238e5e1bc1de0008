import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net';
import { type TLSSocket, Server as TlsServer } from 'node:tls';
import { type Address, plainAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { codeOf } from '../base/errors.js';
import type { Fence } from '../base/fence.js';
import type { Endpoint } from '../stun/address.js';
import type { AddressSet } from './address-set.js';
import type { ConnectionGate } from './connection-gate.js';
import { isExhaustion } from './descriptor-watch.js';
import { handshakeFailure } from './handshake-failure.js';
import type { AdmissionLimits } from './limits.js';
import { lingerOnClose } from './lingering-close.js';
import type { Place } from './place.js';
import { ProxyReader } from './proxy-reader.js';

/** What a listener stands on. */
export interface DoorListenerDeps {
  /** Its code name. */
  readonly door: string;
  readonly gate: ConnectionGate;
  readonly clock: Clock;
  readonly limits: AdmissionLimits;
  /** Whose connections begin with a PROXY header. */
  readonly proxies: AddressSet;
  /** Around what is done with a connection until the server behind has it. */
  readonly fence: Fence;
  /** Told of a connection that is refused here, or breaks before anything is spoken on it. */
  readonly refused: (refusal: ListenerRefusal) => void;
}

/** A connection that was not to be. */
export interface ListenerRefusal {
  /** For metrics: its PROXY header, no descriptor left for it, accept(2) failed otherwise, or its TLS handshake. */
  readonly cause: 'proxy' | 'descriptors' | 'accept' | 'tls';
  /** What is counted together in the log: one of a small set. */
  readonly kind: string;
  readonly address: string | undefined;
  readonly why: string;
}

/** Hosts of one name that this machine may not have, such as ::1 where IPv6 is turned off. */
const ABSENT = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/**
 * A TCP port of the server. Every connection counts from the moment it is accepted, before TLS, HTTP or anything else is
 * spoken on it; only then it is handed to the server behind: one of node:net, tls, http, https or http2 that does not listen
 * itself.
 *
 * A connection that a trusted proxy passes on has the address that its PROXY header declares, for the gate and for
 * everybody who reads `remoteAddress` and `remotePort` of the socket, or of the TLS that is spoken over it.
 */
export class DoorListener {
  readonly #deps: DoorListenerDeps;
  readonly #behind: Server;
  /** Whether the server behind speaks TLS: then its secure sockets get the place and the address of those below. */
  readonly #isSecure: boolean;
  readonly #servers: Server[] = [];
  readonly #bound: Endpoint[] = [];
  readonly #headers: ProxyReader;
  /** Sockets whose TLS is not established, by the two addresses that the kernel knows them by. */
  readonly #handshaking = new Map<string, { readonly socket: Socket; readonly place: Place }>();

  constructor(deps: DoorListenerDeps, behind: Server) {
    this.#deps = deps;
    this.#behind = behind;
    const { door, clock, limits, fence } = deps;
    const refused = (socket: Socket, why: string) =>
      deps.refused({ cause: 'proxy', kind: 'proxy', address: socket.remoteAddress, why });
    this.#headers = new ProxyReader({ door, clock, limits, fence, refused });
    this.#isSecure = behind instanceof TlsServer;
    if (behind instanceof HttpServer || behind instanceof HttpsServer) {
      behind.prependListener(this.#isSecure ? 'secureConnection' : 'connection', (socket: Socket) =>
        lingerOnClose(socket, { clock, limits }),
      );
    }
    // First, so that whoever gets the secure socket finds its place and its address.
    if (this.#isSecure) {
      behind.prependListener('secureConnection', (socket: TLSSocket) => this.#secured(socket));
      behind.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => this.#failed(error, socket));
    }
  }

  /**
   * Begins to listen on every address that the host has. Resolves with the address, its port a real one. Rejects when one of
   * them cannot be listened on, and listens on none then.
   */
  async listen(wanted: Address): Promise<Address> {
    try {
      return await this.#listenOnAll(wanted);
    } catch (error) {
      for (const server of this.#servers.splice(0)) server.close();
      this.#bound.length = 0;
      throw error;
    }
  }

  async #listenOnAll({ host, port }: Address): Promise<Address> {
    const hosts = isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
    let bound: number | undefined;
    let absent: unknown;
    for (const one of hosts) {
      try {
        bound = await this.#bind(one, bound ?? port);
      } catch (error) {
        if (!ABSENT.has(codeOf(error) ?? '')) throw error;
        absent = error;
      }
    }
    if (bound === undefined) throw absent;
    return { host, port: bound };
  }

  /** Where it listens, or has listened, in the order in which it was bound. */
  get bound(): readonly Endpoint[] {
    return this.#bound;
  }

  /** Takes no more connections, and closes those that are not through their handshake. The others are the server's behind. */
  close(): void {
    for (const server of this.#servers) server.close();
    this.#headers.close();
    this.#deps.gate.close();
  }

  async #bind(host: string, port: number): Promise<number> {
    // What the server behind would ask for if it listened itself; the declared type lacks it.
    const { allowHalfOpen } = this.#behind as unknown as { readonly allowHalfOpen: boolean };
    const server = createServer({ allowHalfOpen, noDelay: true });
    await once(server.listen({ host, port, backlog: this.#deps.limits.connectionsQueuedMax }), 'listening');
    const { door, fence } = this.#deps;
    const end = (socket: Socket) => socket.destroy();
    server.on(
      'connection',
      fence.around(door, (socket: Socket) => this.#accept(socket), end),
    );
    server.on('error', (error) => this.#deps.refused(acceptFailure(error)));
    this.#servers.push(server);
    const { address, port: real } = server.address() as AddressInfo;
    this.#bound.push({ host: address, port: real });
    return real;
  }

  #accept(socket: Socket): void {
    const { remoteAddress } = socket;
    // The server behind adds its own. Until then a connection that breaks has nothing to tell.
    socket.on('error', ignore);
    if (remoteAddress === undefined) socket.destroy();
    else if (this.#deps.proxies.has(remoteAddress)) this.#headers.read(socket, (source) => this.#admit(socket, source));
    else this.#admit(socket, undefined);
  }

  #admit(socket: Socket, declared: Endpoint | undefined): void {
    const kernelName = kernelNameOf(socket);
    if (declared !== undefined) declare(socket, declared);
    const address = plainAddress(socket.remoteAddress ?? '');
    const place = socket.destroyed ? undefined : this.#deps.gate.enter(address, () => socket.destroy());
    if (place === undefined) {
      socket.destroy();
      return;
    }
    place.attachTo(socket);
    socket.once('close', () => {
      // Of one that was reset the kernel gives the port to the next, which may have come before this.
      if (this.#handshaking.get(kernelName)?.socket === socket) this.#handshaking.delete(kernelName);
      place.leave();
    });
    if (this.#isSecure) this.#handshaking.set(kernelName, { socket, place });
    this.#behind.emit('connection', socket);
    socket.off('error', ignore);
  }

  /** The TLS of a connection was not established. */
  #failed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const below = this.#handshaking.get(kernelNameOf(socket));
    const { kind, why } = handshakeFailure(error);
    this.#deps.refused({ cause: 'tls', kind: `tls ${kind}`, address: below?.place.address, why });
  }

  /** The TLS of a connection is established: it has the place and the address of the socket below, and may vouch for it. */
  #secured(socket: TLSSocket): void {
    const name = kernelNameOf(socket);
    const below = this.#handshaking.get(name);
    this.#handshaking.delete(name);
    // It has broken already: its kernel does not know who it was any more.
    if (below === undefined) {
      socket.destroy();
      return;
    }
    const { remoteAddress: host, remotePort: port } = below.socket;
    if (Object.hasOwn(below.socket, 'remoteAddress')) declare(socket, { host: host!, port: port! });
    below.place.attachTo(socket);
    if (socket.authorized) below.place.vouch();
  }
}

/** What to tell of an error of accept(2). */
export function acceptFailure(error: NodeJS.ErrnoException): ListenerRefusal {
  if (isExhaustion(error)) {
    return { cause: 'descriptors', kind: 'descriptors', address: undefined, why: 'no file descriptors are left' };
  }
  const { code = 'unknown', message } = error;
  const why = `connections are not accepted: ${message}`;
  return { cause: 'accept', kind: `accept ${code}`, address: undefined, why };
}

function ignore(): void {}

/** What tells a connection from every other of this machine: both of its ends. */
function kernelNameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** From now on the socket says that it comes from there. */
function declare(socket: Socket, { host, port }: Endpoint): void {
  const family = host.includes(':') ? 'IPv6' : 'IPv4';
  const facts = { remoteAddress: host, remotePort: port, remoteFamily: family };
  for (const [name, value] of Object.entries(facts)) Object.defineProperty(socket, name, { value, configurable: true });
}
