/**
 * The small client of Switchyard, exported as `switchyard/system`: system events over TCP, TLS or WebSocket. This is Node's
 * half; bundlers for browsers take `browser.ts` in its place, by the condition `browser` in package.json.
 *
 * docs/system-events.md describes the protocol; `switchyard/client` is the one that stays on the network by itself.
 */
export type { AnswerData, EventBody, EventName } from '../codec/event.js';
export type { Listeners, RequestName } from './client.js';
export { SystemError, type Violation } from './error.js';
export { SystemClient } from './node.js';
export type { SocketTlsOptions as TlsOptions } from './socket-link.js';
