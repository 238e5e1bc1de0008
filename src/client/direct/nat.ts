import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { isLoopback } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import { within } from '../../base/timing.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { Endpoint } from '../../stun/address.js';
import { familyOf, hostAddresses } from './candidate.js';
import { observeTcp, observeUdp } from './reflexive.js';

/**
 * How the routers on the way map one socket of this machine:
 *
 * - `blocked`: nothing came back.
 * - `local`: the STUN port is on this machine, so no router was asked.
 * - `none`: it is seen at an address of this machine.
 * - `unknown`: it is mapped, and only one STUN port was asked.
 * - `same`: every destination sees the same address (endpoint-independent mapping, RFC 4787): it can be punched.
 * - `varies`: destinations see different addresses (a symmetric NAT): nobody can be told where to dial.
 */
export type Mapping = 'blocked' | 'local' | 'none' | 'unknown' | 'same' | 'varies';

/** What was seen of one kind of socket. */
export interface NatView {
  readonly transport: 'udp' | 'tcp';
  readonly mapping: Mapping;
  /** The local port that was asked from. */
  readonly localPort: number;
  /** By each STUN port that answered: where it saw the socket, and how long its answer took. */
  readonly seen: readonly { readonly by: Endpoint; readonly at: Endpoint; readonly roundTripMs: number }[];
  /** Whether the router keeps the port number. */
  readonly keepsPort: boolean;
}

/** Asks STUN ports over UDP, all of them from one socket; what has not answered when `signal` fires has not. */
export async function lookUdp(places: readonly Endpoint[], clock: Clock, signal?: AbortSignal): Promise<NatView> {
  const family = familyOf(places[0].host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    socket.bind(0);
    await once(socket, 'listening');
    const datagrams = datagramsOf(socket);
    const ask = async (by: Endpoint) => ({ by, answer: await observeUdp(datagrams, by, clock, signal) });
    const answers = await Promise.all(places.map(ask));
    return viewOf('udp', socket.address().port, seenOf(answers));
  } finally {
    socket.close();
  }
}

/** Asks STUN ports over TCP, from one local port. */
export async function lookTcp(places: readonly Endpoint[], clock: Clock, signal?: AbortSignal): Promise<NatView> {
  const open: Socket[] = [];
  try {
    const answers: { by: Endpoint; answer: Awaited<ReturnType<typeof observeTcp>> }[] = [];
    let localPort = 0;
    for (const by of places) {
      const socket = connect({ host: by.host, port: by.port, localPort });
      open.push(socket);
      const isOpen = await opened(socket, clock, signal);
      localPort ||= (socket.address() as AddressInfo).port ?? 0;
      answers.push({ by, answer: isOpen ? await observeTcp(socket, clock, signal) : undefined });
    }
    return viewOf('tcp', localPort, seenOf(answers));
  } finally {
    for (const socket of open) socket.on('error', () => {}).resetAndDestroy();
  }
}

function datagramsOf(socket: UdpSocket): Parameters<typeof observeUdp>[0] {
  return {
    // What cannot be sent is not answered, which is what is looked for.
    send: (bytes, { host, port }) => socket.send(bytes, port, host, () => {}),
    listen: (heard) => {
      const listener = (bytes: Buffer, { address, port }: { address: string; port: number }) =>
        heard(bytes, { host: address, port });
      socket.on('message', listener);
      return () => socket.off('message', listener);
    },
  };
}

async function opened(socket: Socket, clock: Clock, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const connecting = (inTime: AbortSignal) => once(socket, 'connect', { signal: inTime });
    await within(clock, CONNECTION_TIMES.gatherMs, connecting, signal);
    return true;
  } catch {
    return false;
  }
}

function seenOf(answers: readonly { by: Endpoint; answer: Awaited<ReturnType<typeof observeTcp>> }[]): NatView['seen'] {
  return answers.flatMap(({ by, answer }) =>
    answer === undefined ? [] : [{ by, at: answer.seen, roundTripMs: answer.roundTripMs }],
  );
}

/** What follows from what was seen. `own`: the addresses of this machine. */
export function viewOf(
  transport: NatView['transport'],
  localPort: number,
  seen: NatView['seen'],
  own: readonly string[] = [...hostAddresses(4), ...hostAddresses(6)],
): NatView {
  const keepsPort = seen.length > 0 && seen.every(({ at }) => at.port === localPort);
  return { transport, localPort, seen, keepsPort, mapping: mappingOf(seen, own) };
}

function mappingOf(all: NatView['seen'], own: readonly string[]): Mapping {
  if (all.length === 0) return 'blocked';
  // Loopback passes no router.
  const seen = all.filter(({ by, at }) => !isLoopback(by) && !isLoopback(at));
  if (seen.length === 0) return 'local';
  if (seen.every(({ at }) => own.includes(at.host))) return 'none';
  if (new Set(seen.map(({ at }) => `${at.host} ${at.port}`)).size > 1) return 'varies';
  return seen.length === 1 ? 'unknown' : 'same';
}
