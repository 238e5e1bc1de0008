import { createServer, type TlsOptions } from 'node:tls';
import type { Address } from '../../option.js';
import type { Adapter } from '../../transport/adapter.js';
import { reachableAddresses } from '../../transport/reachable.js';
import { listenOn, servePipe, stopListening } from './socket-pipe.js';

/** System events over TLS, framed. A handshake that takes too long is given up by `options.handshakeTimeout`. */
export function tlsAdapter(wanted: Address, maxBlockBytes: number, options: TlsOptions): Adapter {
  const server = createServer(options);
  let addresses: readonly string[] = [];
  return {
    codeName: 'tls',
    maxBlockBytes,
    encrypted: true,
    get addresses() {
      return addresses;
    },
    async listen(accept) {
      server.on('secureConnection', (socket) => servePipe(socket, maxBlockBytes, accept));
      // Who cannot agree on TLS is gone with its socket.
      server.on('tlsClientError', () => {});
      addresses = reachableAddresses(await listenOn(server, wanted));
    },
    close: () => stopListening(server),
  };
}
