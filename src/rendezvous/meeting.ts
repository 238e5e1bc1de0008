import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server } from 'node:net';
import type { Admission } from '../admission/admission.js';
import type { DoorListener } from '../admission/door-listener.js';
import type { Clock } from '../base/clock.js';
import { RENDEZVOUS_LIMITS } from './limits.js';
import { ObservedAddresses } from './observed.js';
import { Rendezvous } from './rendezvous.js';

/** Where to listen, and where it then is: a host and a port. */
interface Address {
  readonly host: string;
  readonly port: number;
}

/** How often a free port of TCP is looked for that is free for UDP too. */
const PORT_TRIES_MAX = 16;

/** The rendezvous with its sockets, listening. */
export interface Meeting {
  readonly rendezvous: Rendezvous;
  readonly observed: ObservedAddresses;
  /** With a real port, the same for TCP and for UDP. */
  readonly address: Address;
  close(): void;
}

/** Opens the rendezvous port, over UDP and over TCP. Port 0 picks one that is free for both. */
export async function openMeeting(wanted: Address, clock: Clock, admission: Admission): Promise<Meeting> {
  const tcp = createServer();
  const { listener, udp, address } = await bind(wanted, tcp, admission);
  const observed = new ObservedAddresses(clock);
  const rendezvous = new Rendezvous({ clock, fence: admission.fence, saw: (host) => observed.saw(host) });
  rendezvous.serveTcp(tcp);
  rendezvous.serveUdp(udp);
  const close = () => {
    listener.close();
    rendezvous.close();
    udp.close();
  };
  return { rendezvous, observed, address, close };
}

async function bind(
  wanted: Address,
  tcp: Server,
  admission: Admission,
): Promise<{ listener: DoorListener; udp: Socket; address: Address }> {
  const { connectionsMax, connectionsPerAddressMax } = RENDEZVOUS_LIMITS;
  // There is nothing to show a credential for, so no place is kept for who has one.
  const places = { connectionsMax, connectionsPerAddressMax, connectionsKept: 0 };
  const gate = admission.gate({ door: 'rendezvous', places });
  for (let tried = 1; ; tried++) {
    const listener = admission.listener('rendezvous', gate, tcp);
    const address = await listener.listen(wanted);
    const [{ host }] = listener.bound;
    const udp = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    try {
      await once(udp.bind(address.port, host), 'listening');
      return { listener, udp, address };
    } catch (error) {
      listener.close();
      udp.close();
      if (wanted.port !== 0 || tried === PORT_TRIES_MAX) throw error;
    }
  }
}
