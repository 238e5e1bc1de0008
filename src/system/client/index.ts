/**
 * The small client of Switchyard, exported as `switchyard/system`: system events over TCP, TLS or WebSocket, in Node and
 * in a browser, with nothing but the platform.
 *
 * docs/system-events.md describes the protocol; `switchyard/client` is the one that stays on the network by itself.
 */
export type { AnswerData, EventBody, EventName } from '../codec/event.js';
export { type Listeners, type RequestName, SystemClient } from './client.js';
export { SystemError, type Violation } from './error.js';
export type { TlsOptions } from './link.js';
