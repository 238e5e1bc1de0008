import { createServer, type ServerOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Address } from '../../base/address.js';
import type { EncryptedAdapter } from '../../transport/adapter.js';
import { type PortDeps, portAdapter } from './port.js';
import { serveWebSockets } from './ws-pipe.js';

/** System events over WebSocket and TLS. */
export function wssAdapter(wanted: Address, deps: PortDeps, options: ServerOptions): EncryptedAdapter {
  const server = createServer(options);
  server.on('tlsClientError', () => {});
  const adapter = portAdapter(wanted, deps, {
    codeName: 'wss',
    encrypted: true,
    server,
    serve: (accept, bound) => serveWebSockets({ door: 'wss', http: server, host: wanted.host, bound }, deps, accept),
  });
  return Object.assign(adapter, { renew: (files: SecureContextOptions) => server.setSecureContext(files) });
}
