import { createServer } from 'node:http';
import type { Address } from '../../option.js';
import type { Adapter } from '../../transport/adapter.js';
import { reachableAddresses } from '../../transport/reachable.js';
import { listenOn, stopListening } from './socket-pipe.js';
import { serveWebSockets } from './ws-pipe.js';

/** System events over WebSocket: a browser can be an instance. `handshakeMs` bounds the request that begins it. */
export function wsAdapter(wanted: Address, maxBlockBytes: number, handshakeMs: number): Adapter {
  const http = createServer({ headersTimeout: handshakeMs, requestTimeout: handshakeMs });
  let addresses: readonly string[] = [];
  return {
    codeName: 'ws',
    maxBlockBytes,
    encrypted: false,
    get addresses() {
      return addresses;
    },
    async listen(accept) {
      serveWebSockets(http, maxBlockBytes, accept);
      addresses = reachableAddresses(await listenOn(http, wanted));
    },
    close: () => stopListening(http),
  };
}
