import { createServer } from 'node:http';
import type { Address } from '../../base/address.js';
import type { Adapter } from '../../transport/adapter.js';
import { type PortDeps, portAdapter } from './port.js';
import { serveWebSockets } from './ws-pipe.js';

/** System events over WebSocket: a browser can be an instance. */
export function wsAdapter(wanted: Address, deps: PortDeps): Adapter {
  const server = createServer();
  return portAdapter(wanted, deps, {
    codeName: 'ws',
    encrypted: false,
    server,
    serve: (accept, bound) => serveWebSockets({ door: 'ws', http: server, host: wanted.host, bound }, deps, accept),
  });
}
