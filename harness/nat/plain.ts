/**
 * A plain copy, with nothing in between:
 *
 *   plain.js take KIND PORT              takes copies, and says `ready` when it listens
 *   plain.js give KIND HOST PORT BYTES   makes one, and prints the milliseconds that it took
 *   plain.js forward PORT HOST TO_PORT   passes TCP connections on, and says `ready` when it listens
 *
 * KIND is `tcp`, `tls` (TLS 1.3 by Node, with the certificates of a direct path) or `datagrams` (UDP: one copy, whose lost
 * datagrams others make up for, so that it tells what comes through and nothing of order or congestion).
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { makeIdentity } from '../../src/client/direct/identity.js';
import { giveCopy, takeCopy } from './copy.js';

const KINDS = ['tcp', 'tls', 'datagrams'] as const;
/** What a plain copy is made over. */
export type PlainKind = (typeof KINDS)[number];

/** Fits into an Ethernet frame; the first 8 bytes say how many are wanted in all. */
const DATAGRAM_BYTES = 1_400;
/** Datagrams that are handed to the kernel in one turn of the event loop. */
const AT_ONCE = 32;
/** More than any network here loses: the receiver is gone. */
const SENT_TIMES_MAX = 1_000;

async function listen(port: number, take: (socket: Socket) => void): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, take);
  await once(server.listen(port, '0.0.0.0'), 'listening');
}

async function take(kind: PlainKind, port: number): Promise<void> {
  if (kind === 'datagrams') return takeDatagrams(port);
  const { secureContext } = makeIdentity();
  await listen(port, (socket) => {
    const from = kind === 'tcp' ? socket : new TLSSocket(socket, { isServer: true, secureContext });
    from.once('data', (first: Buffer) => takeCopy(from, first));
  });
}

async function give(kind: PlainKind, host: string, port: number, bytes: number): Promise<number> {
  if (kind === 'datagrams') return giveDatagrams(host, port, bytes);
  const socket = connect({ host, port, allowHalfOpen: true });
  await once(socket, 'connect');
  if (kind === 'tcp') return giveCopy(socket, bytes);
  // Names and issuers are not looked at on a direct path either.
  const secured = connectTls({ socket, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
  await once(secured, 'secureConnect');
  return giveCopy(secured, bytes);
}

async function takeDatagrams(port: number): Promise<void> {
  let bytes = 0;
  const udp = createSocket('udp4', (datagram, from) => {
    bytes += datagram.length;
    // Said again with each datagram that still comes, as an answer may be lost too.
    if (bytes >= datagram.readDoubleBE()) udp.send('all', from.port, from.address);
  });
  await once(udp.bind(port, '0.0.0.0'), 'listening');
}

async function giveDatagrams(host: string, port: number, bytes: number): Promise<number> {
  const udp = createSocket('udp4');
  udp.connect(port, host);
  await once(udp, 'connect');
  const datagram = Buffer.alloc(DATAGRAM_BYTES);
  datagram.writeDoubleBE(bytes);
  const send = () =>
    new Promise<void>((resolve, reject) => udp.send(datagram, (error) => (error ? reject(error) : resolve())));
  let haveAllCome = false;
  udp.once('message', () => {
    haveAllCome = true;
  });
  const before = performance.now();
  for (let sent = 0; !haveAllCome; sent += AT_ONCE * DATAGRAM_BYTES) {
    if (sent > SENT_TIMES_MAX * bytes) throw new Error(`${sent} bytes were sent, and not ${bytes} came`);
    await Promise.all(Array.from({ length: AT_ONCE }, send));
    await nextTurn();
  }
  udp.close();
  return performance.now() - before;
}

function forward(port: number, host: string, toPort: number): Promise<void> {
  return listen(port, (socket) => {
    const onward = connect({ host, port: toPort });
    socket.on('error', () => onward.destroy()).pipe(onward);
    onward.on('error', () => socket.destroy()).pipe(socket);
  });
}

function kindOf(text: string | undefined): PlainKind {
  const kind = KINDS.find((one) => one === text);
  if (kind === undefined) throw new Error(`a plain copy is made over ${KINDS.join(', ')}, and not over ${text}`);
  return kind;
}

const [, , what, ...args] = process.argv;
if (what === 'give') {
  const [kind, host, port, bytes] = args;
  console.log(await give(kindOf(kind), host!, Number(port), Number(bytes)));
} else {
  if (what === 'take') await take(kindOf(args[0]), Number(args[1]));
  else await forward(Number(args[0]), args[1]!, Number(args[2]));
  console.log('ready');
}
