import { BaseClient, type Listeners } from './client.js';
import { connectLink } from './node-link.js';
import type { SocketTlsOptions } from './socket-link.js';

/** A connection of system events from Node, over TCP, TLS or WebSocket. */
export class SystemClient extends BaseClient {
  /**
   * Connects to `tcp://HOST:PORT`, `tls://HOST:PORT`, `ws://…` or `wss://…`. Of several, servers of one network, to the first that is
   * there, in this order; rejects as the last one does. `tls` is for the encrypted ones.
   */
  static async connect(
    url: string | readonly string[],
    listeners: Partial<Listeners> = {},
    tls: SocketTlsOptions | undefined = undefined,
  ): Promise<SystemClient> {
    const [first, ...others] = typeof url === 'string' ? [url] : url;
    if (first === undefined) throw new TypeError('url: at least one is needed');
    const client = new SystemClient(listeners);
    try {
      await client.open((listener, packetBytesMax) => connectLink(first, listener, packetBytesMax, tls));
      return client;
    } catch (error) {
      if (others.length === 0) throw error;
      return SystemClient.connect(others, listeners, tls);
    }
  }
}
