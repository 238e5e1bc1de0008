import { createServer } from 'node:net';
import type { Address } from '../../option.js';
import type { Adapter } from '../../transport/adapter.js';
import { reachableAddresses } from '../../transport/reachable.js';
import { listenOn, servePipe, stopListening } from './socket-pipe.js';

/** System events over TCP, framed, in plain text. */
export function tcpAdapter(wanted: Address, maxBlockBytes: number): Adapter {
  const server = createServer();
  let addresses: readonly string[] = [];
  return {
    codeName: 'tcp',
    maxBlockBytes,
    encrypted: false,
    get addresses() {
      return addresses;
    },
    async listen(accept) {
      server.on('connection', (socket) => servePipe(socket, maxBlockBytes, accept));
      addresses = reachableAddresses(await listenOn(server, wanted));
    },
    close: () => stopListening(server),
  };
}
