import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../src/client/system.js';

/** A host with two addresses, which no machine has of itself. */
const HOSTS = ['127.0.0.1', '127.0.0.2'];
const lookup = async () => HOSTS.map((address) => ({ address, family: 4 }));
jest.unstable_mockModule('node:dns/promises', () => ({ lookup, default: { lookup } }));
const { openAdmission } = await import('./open.js');
const { openMeeting } = await import('../../src/rendezvous/meeting.js');

describe('a host of two addresses of which one is taken', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** A port that somebody else has on the second address alone. */
  const takenPort = async (): Promise<number> => {
    const taken = createServer();
    servers.push(taken);
    await once(taken.listen(0, HOSTS[1]), 'listening');
    return (taken.address() as AddressInfo).port;
  };

  const isOpen = async (port: number): Promise<boolean> => {
    const socket = connect(port, HOSTS[0]);
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    return isOpen;
  };

  it('is not listened on at all, and the door says why', async () => {
    const port = await takenPort();
    const admission = openAdmission(systemClock);
    const gate = admission.gate({
      door: 'door',
      places: { connectionsMax: 1, connectionsPerAddressMax: 1, connectionsKept: 0 },
    });
    const listener = admission.listener('door', gate, createServer());
    await expect(listener.listen({ host: 'two.example', port })).rejects.toThrow('EADDRINUSE');
    expect([await isOpen(port), listener.bound]).toEqual([false, []]);
    const free = await listener.listen({ host: 'two.example', port: 0 });
    expect(listener.bound).toEqual(HOSTS.map((host) => ({ host, port: free.port })));
    listener.close();
    admission.close();
  });

  it('leaves no port of the rendezvous open', async () => {
    const port = await takenPort();
    const admission = openAdmission(systemClock);
    await expect(openMeeting({ host: 'two.example', port }, systemClock, admission)).rejects.toThrow('EADDRINUSE');
    expect(await isOpen(port)).toBe(false);
    admission.close();
  });
});

describe('a connection of TLS from the port of one that was reset just before', () => {
  const [cert, key] = ['cert', 'key'].map((name) =>
    readFileSync(new URL(`../client/tls/${name}.pem`, import.meta.url)),
  );
  const places = { connectionsMax: 8, connectionsPerAddressMax: 8, connectionsKept: 0 };

  it('is served', async () => {
    const admission = openAdmission(systemClock);
    const gate = admission.gate({ door: 'door', places });
    const accepted: Socket[] = [];
    const behind = createTlsServer({ cert, key }, (socket) => void socket.end('served'));
    behind.prependListener('connection', (socket: Socket) => void accepted.push(socket));
    const listener = admission.listener('door', gate, behind);
    const { port } = await listener.listen({ host: HOSTS[0]!, port: 0 });
    const former = connect({ host: HOSTS[0], port });
    await once(former, 'connect');
    const { localPort } = former;
    await until(() => accepted.length === 1);
    const order: string[] = [];
    accepted[0]?.once('close', () => order.push('closed'));
    former.resetAndDestroy();
    // The kernel gives the port at once, and the server hears of both in one turn of its event loop.
    const latter = connect({ host: HOSTS[0], port, localPort });
    behind.once('connection', () => order.push('connected'));
    const secure = connectTls({ socket: latter, rejectUnauthorized: false });
    let heard = '';
    secure.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    await once(secure, 'close');
    // In this order it was not served; a busy machine may see the other one.
    expect({ heard, order: order.sort() }).toEqual({ heard: 'served', order: ['closed', 'connected'] });
    listener.close();
    behind.close();
    admission.close();
  }, 20_000);
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}
