import { BaseClient, type Listeners } from './client.js';
import { connectWebSocket, platformWebSocket } from './web-link.js';

/**
 * The entry `switchyard/system` for browsers, which bundlers take by the condition `browser`: it imports nothing of Node.
 *
 * @module
 */
export type { AnswerData, EventBody, EventName } from '../codec/event.js';
export type { Listeners, RequestName } from './client.js';
export { SystemError, type Violation } from './error.js';

/** A connection of system events from a web page or a worker, over WebSocket. */
export class SystemClient extends BaseClient {
  /** Connects to `ws://…` or `wss://…`. Rejects for every other URL: a page has no sockets. */
  static async connect(url: string, listeners: Partial<Listeners> = {}): Promise<SystemClient> {
    if (!/^wss?:/.test(url))
      throw new Error(`${url} is not ws:// or wss://, which is all that a browser can connect to`);
    const WebSocket = platformWebSocket();
    if (WebSocket === undefined) throw new Error('this platform has no WebSocket');
    const client = new SystemClient(listeners);
    await client.open((listener) => connectWebSocket(url, listener, WebSocket));
    return client;
  }
}
