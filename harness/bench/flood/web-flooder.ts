/*
 * One address that sends requests of HTTP/1.1 ahead, as many as the server reads, on so many connections. A connection that is
 * closed to it is replaced.
 *
 *   node --import ./harness/typescript.mjs harness/bench/flood/web-flooder.ts JSON
 *
 * JSON is a {@link WebFlood}. It works and rests as orders.ts says, and counts a {@link Flooded}. While it rests it is not connected.
 */
import { connect, type Socket } from 'node:net';
import type { Flooded } from './flooder.js';
import { obey } from './orders.js';

/** What is done. */
export interface WebFlood {
  readonly port: number;
  /** The address that it comes from. */
  readonly from: string;
  readonly connections: number;
  /** What is sent, again and again: a whole request, and how often in one write. */
  readonly request: string;
  readonly ahead: number;
}

/** Between two attempts to connect. */
const AGAIN_MS = 5;

const flood = JSON.parse(process.argv[2]) as WebFlood;
const requests = Buffer.from(flood.request.repeat(flood.ahead), 'latin1');
const flooded = { calls: 0, bytes: 0, closed: 0 };
/** Connections; undefined while it rests. */
let sockets: Set<Socket> | undefined;

function dial(current: Set<Socket>): void {
  const socket = connect({ port: flood.port, host: '127.0.0.1', localAddress: flood.from, noDelay: true });
  current.add(socket);
  let due = 0;
  const fill = () => {
    while (!socket.destroyed && due <= 0 && socket.write(requests)) due += flood.ahead;
  };
  socket.once('connect', fill);
  socket.on('drain', fill);
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    const answers = bytes.toString('latin1').split('HTTP/1.1 ').length - 1;
    flooded.calls += answers;
    flooded.bytes += bytes.length;
    due -= answers;
    fill();
  });
  socket.once('close', () => {
    current.delete(socket);
    if (current !== sockets) return;
    flooded.closed++;
    setTimeout(() => current === sockets && dial(current), AGAIN_MS);
  });
}

obey({
  go() {
    const current = new Set<Socket>();
    sockets = current;
    for (let at = 0; at < flood.connections; at++) dial(current);
  },
  rest() {
    const current = sockets;
    sockets = undefined;
    for (const socket of current ?? []) socket.destroy();
    return flooded satisfies Flooded;
  },
});
