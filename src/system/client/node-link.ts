import { WebSocket as NodeWebSocket } from 'ws';
import type { LinkListener, SystemLink } from './link.js';
import { connectFramed, type SocketTlsOptions } from './socket-link.js';
import { connectWebSocket, type WebSocketClass } from './web-link.js';

/**
 * Connects to `ws://`, `wss://`, `tcp://HOST:PORT` or `tls://HOST:PORT`.
 *
 * Resolves when packets can be sent.
 */
export function connectLink(
  url: string,
  listener: LinkListener,
  packetBytesMax: number,
  tls?: SocketTlsOptions,
): Promise<SystemLink> {
  if (!/^wss?:/.test(url)) return connectFramed(url, listener, packetBytesMax, tls);
  const ofPackage = NodeWebSocket as unknown as WebSocketClass;
  // Node's own takes no certificates, and cannot be paused.
  return connectWebSocket(url, listener, ofPackage, tls && { ...tls, servername: tls.serverName });
}
