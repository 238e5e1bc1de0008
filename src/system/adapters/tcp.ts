import { createServer } from 'node:net';
import type { Address } from '../../base/address.js';
import type { Adapter } from '../../transport/adapter.js';
import { type PortDeps, portAdapter } from './port.js';
import { servePipe } from './socket-pipe.js';

/** System events over TCP, framed, in plain text. */
export function tcpAdapter(wanted: Address, deps: PortDeps): Adapter {
  const server = createServer({ allowHalfOpen: true });
  return portAdapter(wanted, deps, {
    codeName: 'tcp',
    encrypted: false,
    server,
    serve: (accept) =>
      server.on('connection', (socket) => servePipe(socket, { maxBlockBytes: deps.maxBlockBytes }, accept)),
  });
}
