import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP } from 'node:net';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import type { Clock } from '../../base/clock.js';
import { within } from '../../base/timing.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import { addressBytes, type Endpoint, isPrivateAddress } from '../../stun/address.js';
import { type Candidate, CandidateType, familyOf } from './candidate.js';
import type { PortMapper } from './nat-pmp.js';
import type { Puncher } from './path.js';
import { observeTcp } from './reflexive.js';
import { TcpPunch } from './tcp.js';
import { UdpPunch } from './udp/udp.js';

/** One end, ready to punch. */
export interface GatheredPaths {
  readonly puncher: Puncher;
  /** Those of the puncher's that the server lets pass. */
  readonly candidates: readonly Candidate[];
  readonly roundTripMs: number | undefined;
}

/** What gathering and the attempts after it need from outside. */
export interface GatherDeps {
  readonly clock: Clock;
  /** A port that others can reach, to listen at if it is free. */
  readonly port: number | undefined;
  /** Who asks the router for a port that strangers are let in at; undefined: nobody does. */
  readonly mapper?: PortMapper | undefined;
}

/** Opens the sockets for a type of link, and learns where they may be reached. Whoever gathers closes the puncher. */
export async function gather(
  link: LinkType,
  rendezvous: readonly Endpoint[],
  { clock, port, mapper }: GatherDeps,
): Promise<GatheredPaths> {
  const places = await resolved(rendezvous);
  const [puncher, seen] = await Promise.all([
    link === LinkType.TRANSPORT_UDP
      ? UdpPunch.gather(places, clock, port)
      : TcpPunch.gather(places, clock, port, mapper),
    Promise.all(places.map((place) => seenAt(place, clock))),
  ]);
  // What the observations took is good enough: another one would cost every connection a round trip.
  const { roundTripMs } = puncher;
  return { puncher, candidates: puncher.candidates.filter((one) => isTaken(one, seen)), roundTripMs };
}

/** One address of each family that this host has a way to, as the rendezvous may be given by name. */
async function resolved(rendezvous: readonly Endpoint[]): Promise<Endpoint[]> {
  const found = await Promise.all(
    rendezvous.map(async ({ host, port }) => {
      if (isIP(host)) return [{ host, port }];
      // A name that cannot be resolved is a rendezvous that is away: own addresses are still worth trying.
      const addresses = await lookup(host, { all: true }).catch(() => []);
      return addresses.map(({ address }) => ({ host: address, port }));
    }),
  );
  const all = found.flat();
  const each = ([6, 4] as const).map((family) => firstWithWay(all.filter(({ host }) => familyOf(host) === family)));
  return (await Promise.all(each)).filter((place) => place !== undefined);
}

/** The first of some addresses that this host has a way to. Looks at one after the other: each takes a socket while it is looked at. */
async function firstWithWay(places: readonly Endpoint[]): Promise<Endpoint | undefined> {
  for (const place of places) {
    if (await hasWayTo(place)) return place;
  }
  return undefined;
}

/**
 * Whether the host has a route to an address: a host with IPv6 alone, or without it, has none to the other family's. Nothing is sent.
 * What is sent where no way leads is lost without a word, and all of the time for an answer would be spent on it.
 *
 * A socket that cannot be opened or bound, as in a kernel without the family or a process without descriptors, has no way either.
 */
export async function hasWayTo(
  { host, port }: Endpoint,
  open: (options: SocketOptions) => Socket = createSocket,
): Promise<boolean> {
  let socket: Socket | undefined;
  try {
    const opened = open({ type: familyOf(host) === 6 ? 'udp6' : 'udp4' });
    socket = opened;
    await new Promise<void>((resolve, reject) => {
      // A bind that fails calls no callback: it is an event, which ends the process where nothing listens.
      opened.once('error', reject);
      // Its types do not say that the callback is given the error, if there is one.
      opened.connect(port, host, (error?: unknown) => (error ? reject(error) : resolve()));
    });
    return true;
  } catch {
    return false;
  } finally {
    socket?.close();
  }
}

/**
 * The address by which a rendezvous sees this end over TCP. A datagram proves nothing to the server, so over UDP too it
 * takes only addresses from which somebody has completed a connection.
 */
async function seenAt(place: Endpoint, clock: Clock): Promise<string | undefined> {
  const socket = connect(place);
  try {
    await within(clock, CONNECTION_TIMES.gatherMs, (signal) => once(socket, 'connect', { signal }));
    return (await observeTcp(socket, clock))?.seen.host;
  } catch {
    // It is away, or there is no way to that family: then nothing there was observed.
    return undefined;
  } finally {
    socket.on('error', () => {}).destroy();
  }
}

/** The server's own rule, so that one address of many does not cost the whole answer. */
function isTaken({ type, host }: Candidate, seen: readonly (string | undefined)[]): boolean {
  return seen.includes(host) || (type === CandidateType.HOST && isPrivateAddress(addressBytes(host)!));
}
