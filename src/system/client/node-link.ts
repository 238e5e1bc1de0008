import { WebSocket as NodeWebSocket } from 'ws';
import type { Link, LinkListener } from './link.js';
import { connectFramed } from './socket-link.js';
import { connectWebSocket, type WebSocketClass } from './web-link.js';

/** How to know the server, and how to be known to it, over `tls://` and `wss://`. PEM. */
export interface TlsOptions {
  /** Whom to trust. Absent: Node's own list. */
  readonly ca?: Uint8Array | string;
  /** This client's certificate chain, with its `key`. */
  readonly cert?: Uint8Array | string;
  readonly key?: Uint8Array | string;
  /** The name to expect in the server's certificate when it is not the one that is dialled. */
  readonly serverName?: string;
}

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
  // Node's own takes no certificates, and cannot be paused.
  return connectWebSocket(url, listener, ofPackage, tls && { ...tls, servername: tls.serverName });
}
