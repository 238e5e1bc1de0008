import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { codeOf } from '../../base/errors.js';
import { within } from '../../base/timing.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { Endpoint } from '../../stun/address.js';
import { anyAddress, type Candidate, CandidateType, candidate, type Family, hostAddresses } from './candidate.js';
import type { PortMapper, PortMapping } from './nat-pmp.js';
import { openAll } from './open-all.js';
import { type Observation, observeTcp } from './reflexive.js';

/**
 * The sockets of one address family by which an instance can be reached over TCP.
 *
 * There are two local ports, because one cannot do both: a port that listens cannot be dialled from (EADDRINUSE), and
 * one that does not listen can only meet a peer that dials it from the very address that it dials. So
 *
 *   - the *listening* port is for peers that can reach it: on the same network, or past a router that lets strangers in;
 *   - the *dialling* port never listens. Everything is dialled from it, and where both ends dial each other's at the
 *     same moment the two connections become one (simultaneous open; RFC 9293, section 3.5).
 *
 * Each is observed by the rendezvous over a connection of its own, which stays open to keep its mapping. A port with
 * an outbound connection may still begin to listen; the other way around it may not.
 */
export class TcpFamily {
  readonly family: Family;
  readonly dialPort: number;
  readonly listenPort: number;
  readonly candidates: readonly Candidate[];
  readonly server: Server;
  /** The shorter of what the observations took. */
  readonly roundTripMs: number | undefined;
  readonly #observers: readonly Socket[];
  readonly #mapping: PortMapping | undefined;
  readonly #clock: Clock;

  private constructor(
    { family, clock }: TcpFamilyDeps,
    listening: ObservedPort,
    dialling: ObservedPort,
    server: Server,
    mapping?: PortMapping,
  ) {
    this.#clock = clock;
    this.#mapping = mapping;
    this.family = family;
    this.dialPort = dialling.port;
    this.listenPort = listening.port;
    this.server = server;
    this.#observers = [listening, dialling].flatMap(({ observer }) => observer ?? []);
    const mapped = mapping === undefined ? [] : [reachablePort(mapping.port, dialling)];
    this.candidates = candidatesOf(family, [listening, dialling], mapped);
    const taken = [listening, dialling].flatMap(({ observation }) => observation?.roundTripMs ?? []);
    this.roundTripMs = taken.length === 0 ? undefined : Math.min(...taken);
  }

  /**
   * Opens both ports, and asks the rendezvous about them where there is one of this family. Listens at `port`, which
   * others can reach, if that is given and free.
   */
  static async open(deps: TcpFamilyDeps, rendezvous: Endpoint | undefined, port?: number): Promise<TcpFamily> {
    const { family } = deps;
    const server = createServer({ allowHalfOpen: true });
    let ports: readonly ObservedPort[] = [];
    let mapping: Promise<PortMapping | undefined> | undefined;
    try {
      if (port !== undefined && (await listens(server, family, port))) {
        ports = [await observePort(deps, rendezvous, await freePort(family))];
        return new TcpFamily(deps, reachablePort(port, ports[0]), ports[0], server);
      }
      const [listening, dialling] = [await freePort(family), await freePort(family)];
      // Beside the observations: nobody knows of the port before it listens. A router that cannot be asked has granted nothing.
      mapping = family === 4 ? deps.mapper?.map(listening).catch(() => undefined) : undefined;
      const observing = [listening, dialling].map((each) => observePort(deps, rendezvous, each));
      ports = await openAll(observing, closeObserver);
      await listen(server, family, listening);
      return new TcpFamily(deps, ports[0], ports[1], server, await mapping);
    } catch (error) {
      server.close();
      for (const one of ports) closeObserver(one);
      void mapping?.then((mapped) => mapped?.close());
      throw error;
    }
  }

  /** Dials from the dialling port. Each way of a path can be ended alone, as that of any connection. */
  dial(to: Endpoint): Socket {
    const { host, port } = to;
    const local = { localAddress: anyAddress(this.family), localPort: this.dialPort };
    return connect({ host, port, ...local, noDelay: true, allowHalfOpen: true });
  }

  /** The round trip to the rendezvous, measured anew; undefined when it does not answer any more. */
  async measure(): Promise<number | undefined> {
    const observer = this.#observers.find((socket) => !socket.destroyed);
    return observer && (await observeTcp(observer, this.#clock))?.roundTripMs;
  }

  close(): void {
    this.#mapping?.close();
    this.server.close();
    for (const socket of this.#observers) socket.destroy();
  }
}

/** Whose sockets they are, and the clock by which their observations are timed. */
export interface TcpFamilyDeps {
  readonly family: Family;
  readonly clock: Clock;
  /** Who asks the router to let strangers in at the listening port; absent: nobody does. */
  readonly mapper?: PortMapper | undefined;
}

/** A local port, and what the rendezvous saw of it over `observer`. */
interface ObservedPort {
  readonly port: number;
  readonly observer: Socket | undefined;
  readonly observation: Observation | undefined;
}

function closeObserver({ observer }: ObservedPort): void {
  observer?.destroy();
}

async function observePort(
  { family, clock }: TcpFamilyDeps,
  rendezvous: Endpoint | undefined,
  port: number,
): Promise<ObservedPort> {
  if (rendezvous === undefined) return { port, observer: undefined, observation: undefined };
  const observer = connect({ ...rendezvous, localAddress: anyAddress(family), localPort: port, noDelay: true });
  // A rendezvous that goes away takes its observation with it and nothing else.
  observer.on('error', () => observer.destroy());
  const connecting = (signal: AbortSignal) => once(observer, 'connect', { signal });
  const connected = await within(clock, CONNECTION_TIMES.gatherMs, connecting).then(
    () => true,
    () => false,
  );
  const observation = connected ? await observeTcp(observer, clock) : undefined;
  if (observation === undefined) observer.destroy();
  return { port, observer, observation };
}

/** A port that others can reach as it is: its router, if there is one, forwards it. It is not observed, as it listens. */
function reachablePort(port: number, { observation }: ObservedPort): ObservedPort {
  const seen = observation && { ...observation, seen: { ...observation.seen, port } };
  return { port, observer: undefined, observation: seen };
}

/** Whether it listens at that port now; not when somebody else does, as another connection of this process may. */
async function listens(server: Server, family: Family, port: number): Promise<boolean> {
  try {
    await listen(server, family, port);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return false;
    throw error;
  }
}

/** A port that nobody uses: it has listened for a moment, and so can be bound by several sockets that do not. */
async function freePort(family: Family): Promise<number> {
  const server = createServer();
  await listen(server, family, 0);
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listen(server: Server, family: Family, port: number): Promise<void> {
  server.listen({ host: anyAddress(family), port, ipv6Only: family === 6 });
  await once(server, 'listening');
}

/** What the router was asked to let in comes first, then the listening port: to be let in is surer than to meet in the middle. */
function candidatesOf(family: Family, ports: readonly ObservedPort[], mapped: readonly ObservedPort[]): Candidate[] {
  const addresses = hostAddresses(family);
  const hosts = addresses.flatMap((host) => ports.map(({ port }) => ({ host, port })));
  const reflexive = [...mapped, ...ports].flatMap(({ observation }) => observation?.seen ?? []);
  return [
    ...hosts.map((at, rank) => candidate(CandidateType.HOST, at, rank)),
    ...reflexive.map((at, rank) => candidate(CandidateType.REFLEXIVE, at, rank)),
  ].filter((one, at, all) => all.findIndex((other) => other.host === one.host && other.port === one.port) === at);
}
