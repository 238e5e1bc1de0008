import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, isIPv6, type Server } from 'node:net';
import type { Clock } from '../clock.js';
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
export async function openMeeting(wanted: Address, clock: Clock): Promise<Meeting> {
  const { tcp, udp, address } = await bind(wanted);
  const observed = new ObservedAddresses(clock);
  const rendezvous = new Rendezvous(clock, undefined, (host) => observed.saw(host));
  rendezvous.serveTcp(tcp);
  rendezvous.serveUdp(udp);
  const close = () => {
    rendezvous.close();
    udp.close();
  };
  return { rendezvous, observed, address, close };
}

async function bind(wanted: Address): Promise<{ tcp: Server; udp: Socket; address: Address }> {
  for (let tried = 1; ; tried++) {
    const tcp = createServer();
    await once(tcp.listen(wanted.port, wanted.host), 'listening');
    const { address: host, port } = tcp.address() as AddressInfo;
    const udp = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    try {
      await once(udp.bind(port, host), 'listening');
      return { tcp, udp, address: { host: wanted.host, port } };
    } catch (error) {
      tcp.close();
      udp.close();
      if (wanted.port !== 0 || tried === PORT_TRIES_MAX) throw error;
    }
  }
}
