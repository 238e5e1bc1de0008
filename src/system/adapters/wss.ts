import { createServer, type ServerOptions } from 'node:https';
import type { Address } from '../../option.js';
import type { Adapter } from '../../transport/adapter.js';
import { reachableAddresses } from '../../transport/reachable.js';
import { listenOn, stopListening } from './socket-pipe.js';
import { serveWebSockets } from './ws-pipe.js';

/** System events over WebSocket and TLS. */
export function wssAdapter(
  wanted: Address,
  maxBlockBytes: number,
  handshakeMs: number,
  options: ServerOptions,
): Adapter {
  const http = createServer({ ...options, headersTimeout: handshakeMs, requestTimeout: handshakeMs });
  let addresses: readonly string[] = [];
  return {
    codeName: 'wss',
    maxBlockBytes,
    encrypted: true,
    get addresses() {
      return addresses;
    },
    async listen(accept) {
      serveWebSockets(http, maxBlockBytes, accept);
      http.on('tlsClientError', () => {});
      addresses = reachableAddresses(await listenOn(http, wanted));
    },
    close: () => stopListening(http),
  };
}
