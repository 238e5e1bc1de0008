/** The rendezvous as a process of its own, on the port of RFC 8489. Prints `ready`. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Rendezvous } from '../../src/rendezvous/rendezvous.js';

const PORT = 3478;
const udp = createSocket('udp6').bind(PORT);
const tcp = createServer().listen(PORT, '::');
await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
const rendezvous = new Rendezvous({
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  soon: (call) => setImmediate(call),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
});
rendezvous.serveUdp(udp);
rendezvous.serveTcp(tcp);
console.log('ready');
