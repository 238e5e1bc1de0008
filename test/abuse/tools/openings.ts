import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { ListSessionsRequest, SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { TransportServiceService as Transport } from '../../../gen/switchyard/v1/transport_service.js';
import * as raw from './raw.js';

/** What one call of an attack consists of before it is reset. */
export type Opening = (stream: number) => Buffer;

/** Calls behind the last straw: in the chunk in which their connection is expelled. */
export const CALLS_BEHIND = 100;
/** A message with nothing in it, which is a request of every method. */
export const EMPTY = raw.message(Buffer.alloc(0));
/** The beginning of a message that is longer. */
export const HALF_MESSAGE = raw.message(Buffer.alloc(20), 0, 4_000);

/** A ListSessions for a page of so many. */
export const page = (pageSize: number) =>
  raw.message(ListSessionsRequest.encode({ ...ListSessionsRequest.create(), pageSize }).finish());

/** A WatchEndpointClosed. */
export const closedWatch: Opening = (stream) => raw.call(stream, Network.watchEndpointClosed.path, EMPTY);
/** A WatchNetworkDelta. */
export const deltaWatch: Opening = (stream) => raw.call(stream, Network.watchNetworkDelta.path, EMPTY);
/** A ListSessions. */
export const unary: Opening = (stream) => raw.call(stream, Sessions.listSessions.path, EMPTY);
/** A ListSessions whose message has begun. */
export const inFlight: Opening = (stream) =>
  withData(raw.open(stream, Sessions.listSessions.path), stream, HALF_MESSAGE);
/** An Exchange whose first packet is empty, and which goes on. */
export const exchange: Opening = (stream) => withData(raw.open(stream, Transport.exchange.path), stream, EMPTY);

/** The numbers of so many streams of a client, from the first one on. */
export function streams(count: number, first = 1): number[] {
  return Array.from({ length: count }, (_, at) => first + 2 * at);
}

/** DATA of a stream that goes on. */
export function withData(head: Buffer, stream: number, body: Buffer): Buffer {
  return Buffer.concat([head, raw.frame(raw.DATA, 0, stream, body)]);
}

/** Calls of three kinds, each with its DATA. */
export function callsBehind(next: number): Buffer {
  const kinds = [unary, closedWatch, exchange];
  return Buffer.concat(streams(CALLS_BEHIND, next).map((stream, at) => kinds[at % kinds.length](stream)));
}
