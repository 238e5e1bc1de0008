import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TimersClock } from '../../harness/manual-clock.js';
import type { DoorListener } from '../../src/admission/door-listener.js';
import { RENDEZVOUS_LIMITS } from '../../src/rendezvous/limits.js';
import { Rendezvous } from '../../src/rendezvous/rendezvous.js';
import { bindingRequest, decodeStun, mappedAddress } from '../../src/stun/binding.js';
import { openAdmission } from '../admission/open.js';

const TRANSACTION = Buffer.from('0123456789ab');
const REQUEST = bindingRequest(TRANSACTION);
const LOCALHOST = '127.0.0.1';

let clock: TimersClock;
let rendezvous: Rendezvous;
let udp: UdpSocket;
let port: number;
let listener: DoorListener;
const refused: string[] = [];
const opened: { destroy(): void }[] = [];

async function serve(limits = {}): Promise<void> {
  clock = new TimersClock();
  const server = createServer();
  const admission = openAdmission(new TimersClock(), { count: (_, cause) => refused.push(cause) });
  rendezvous = new Rendezvous({ clock, fence: admission.fence, limits: { ...RENDEZVOUS_LIMITS, ...limits } });
  const gate = admission.gate({ door: 'rendezvous', places: { ...RENDEZVOUS_LIMITS, ...limits, connectionsKept: 0 } });
  listener = admission.listener('rendezvous', gate, server);
  ({ port } = await listener.listen({ host: LOCALHOST, port: 0 }));
  udp = createSocket('udp4').bind(port, LOCALHOST);
  await once(udp, 'listening');
  rendezvous.serveTcp(server);
  rendezvous.serveUdp(udp);
}

async function udpClient(): Promise<UdpSocket> {
  const socket = createSocket('udp4').bind(0, LOCALHOST);
  await once(socket, 'listening');
  opened.push({ destroy: () => socket.close() });
  return socket;
}

async function tcpClient(): Promise<Socket> {
  const socket = connect(port, LOCALHOST);
  opened.push(socket);
  await once(socket, 'connect');
  return socket;
}

beforeEach(() => serve());
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
  udp.close();
  rendezvous.close();
  listener.close();
});

describe('over UDP', () => {
  it('tells a client its address', async () => {
    const client = await udpClient();
    client.send(REQUEST, port, LOCALHOST);
    const [answer] = await once(client, 'message');
    expect(mappedAddress(decodeStun(answer), TRANSACTION)).toEqual({ host: LOCALHOST, port: client.address().port });
  });

  it('says nothing to what is not STUN, too large or above the rate, and goes on', async () => {
    udp.close();
    rendezvous.close();
    listener.close();
    await serve({ addressBurst: 3, messageBytesMax: 100 });
    const client = await udpClient();
    const answers: Buffer[] = [];
    client.on('message', (bytes) => answers.push(bytes));
    for (const bytes of [Buffer.from('GET / HTTP/1.1'), Buffer.alloc(101), REQUEST, REQUEST, REQUEST]) {
      client.send(bytes, port, LOCALHOST);
    }
    let arrived = 0;
    await new Promise<void>((resolve) => udp.on('message', () => (arrived += 1) === 5 && resolve()));
    expect(rendezvous.counts).toEqual({ answered: 2, ignored: 2, limited: 1 });
    while (answers.length < 2) await new Promise(setImmediate);
  });

  it('ignores a request from port 0, which no answer can be sent to, and goes on', async () => {
    // Only a forged packet has this port; a datagram of a socket of this machine never does.
    udp.emit('message', REQUEST, { address: LOCALHOST, port: 0, family: 'IPv4', size: REQUEST.length });
    expect(rendezvous.counts).toEqual({ answered: 0, ignored: 1, limited: 0 });
    const client = await udpClient();
    client.send(REQUEST, port, LOCALHOST);
    await once(client, 'message');
  });
});

describe('over TCP', () => {
  it('tells a client its address, however the request is cut, and as often as it asks', async () => {
    const client = await tcpClient();
    client.setNoDelay(true);
    const answers: Buffer[] = [];
    client.on('data', (bytes) => answers.push(bytes));
    for (const byte of REQUEST) {
      client.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    client.write(Buffer.concat([REQUEST, REQUEST]));
    while (Buffer.concat(answers).length < 3 * 32) await once(client, 'data');
    const address = { host: LOCALHOST, port: client.localPort! };
    for (let i = 0; i < 3; i += 1) {
      const answer = Buffer.concat(answers).subarray(32 * i, 32 * i + 32);
      expect(mappedAddress(decodeStun(answer), TRANSACTION)).toEqual(address);
    }
  });

  it.each([
    ['nonsense', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a message that announces too much', Buffer.from('0001fffc2112a442303132333435363738396162', 'hex')],
    ['more requests than one connection may make', Buffer.concat(Array(65).fill(REQUEST))],
  ])('closes on %s', async (_, bytes) => {
    const client = await tcpClient();
    client.on('data', () => {}).on('error', () => {});
    client.write(bytes);
    await once(client, 'close');
    expect(rendezvous.counts.ignored).toBe(1);
  });

  it('closes after the time that a connection may last, and forgets it', async () => {
    const client = await tcpClient();
    client.write(REQUEST);
    await once(client, 'data');
    expect(clock.pending).toBe(1);
    clock.advance(RENDEZVOUS_LIMITS.connectionMs);
    await once(client, 'close');
    expect(clock.pending).toBe(0);
  });

  it('takes no more connections of one address than it may, and again when one has gone', async () => {
    udp.close();
    rendezvous.close();
    listener.close();
    refused.length = 0;
    await serve({ connectionsPerAddressMax: 1 });
    const first = await tcpClient();
    first.write(REQUEST);
    await once(first, 'data');
    const second = await tcpClient();
    await once(second, 'close');
    expect(refused).toEqual(['address']);
    first.end();
    while (clock.pending > 0) await new Promise(setImmediate);
    const third = await tcpClient();
    third.write(REQUEST);
    await once(third, 'data');
  });

  it('ends every connection when it is closed', async () => {
    const client = await tcpClient();
    client.on('error', () => {});
    client.write(REQUEST);
    await once(client, 'data');
    rendezvous.close();
    await once(client, 'close');
  });
});
