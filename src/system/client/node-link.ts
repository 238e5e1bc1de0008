import { WebSocket as NodeWebSocket } from 'ws';
import type { Link, LinkListener } from './link.js';
import { connectFramed, type TlsOptions } from './socket-link.js';
import { connectWebSocket, platformWebSocket, type WebSocketClass } from './web-link.js';

/**
 * Connects to `ws://`, `wss://`, `tcp://HOST:PORT` or `tls://HOST:PORT`.
 *
 * Resolves when packets can be sent.
 */
export function connectLink(
  url: string,
  listener: LinkListener,
  packetBytesMax: number,
  tls?: TlsOptions,
): Promise<Link> {
  if (!/^wss?:/.test(url)) return connectFramed(url, listener, packetBytesMax, tls);
  const ofPackage = NodeWebSocket as unknown as WebSocketClass;
  // The platform's own takes no certificates.
  if (tls !== undefined) return connectWebSocket(url, listener, ofPackage, { ...tls, servername: tls.serverName });
  return connectWebSocket(url, listener, platformWebSocket() ?? ofPackage);
}
