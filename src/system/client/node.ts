import { BaseClient, type Listeners } from './client.js';
import { connectLink } from './node-link.js';
import type { TlsOptions } from './socket-link.js';

/** A connection of system events from Node, over TCP, TLS or WebSocket. */
export class SystemClient extends BaseClient {
  /** Connects to `tcp://HOST:PORT`, `tls://HOST:PORT`, `ws://…` or `wss://…`. `tls` is for the encrypted ones. */
  static async connect(
    url: string,
    listeners: Partial<Listeners> = {},
    tls: TlsOptions | undefined = undefined,
  ): Promise<SystemClient> {
    const client = new SystemClient(listeners);
    await client.open((listener, packetBytesMax) => connectLink(url, listener, packetBytesMax, tls));
    return client;
  }
}
