import { createServer, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { Address } from '../../base/address.js';
import type { EncryptedAdapter } from '../../transport/adapter.js';
import { type PortDeps, portAdapter } from './port.js';
import { servePipe } from './socket-pipe.js';

/** System events over TLS, framed. */
export function tlsAdapter(wanted: Address, deps: PortDeps, options: TlsOptions): EncryptedAdapter {
  const server = createServer(options);
  // Who cannot agree on TLS is gone with its socket.
  server.on('tlsClientError', () => {});
  const adapter = portAdapter(wanted, deps, {
    codeName: 'tls',
    encrypted: true,
    server,
    serve: (accept) =>
      server.on('secureConnection', (socket) => {
        // Not before: a client that ends its side within the handshake is gone, and its place is to be free.
        socket.allowHalfOpen = true;
        const { maxBlockBytes, certificateOf } = deps;
        servePipe(socket, { maxBlockBytes, certificate: certificateOf?.(socket) }, accept);
      }),
  });
  return Object.assign(adapter, { renew: (files: SecureContextOptions) => server.setSecureContext(files) });
}
