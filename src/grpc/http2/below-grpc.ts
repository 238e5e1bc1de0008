import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Fault } from '../../core/model/fault.js';
import { toError } from '../status.js';

// What peers do to sockets and streams below grpc-js, and behind its back.

/** Makes grpc-js take a stream for closed: it looks before it takes a chunk, and drops the one that it gets behind ours. */
export function hideFromGrpc(stream: ServerHttp2Stream): void {
  Object.defineProperty(stream, 'closed', { value: true, configurable: true });
}

/** Reads nothing more from a socket. node:http2 has taken it over from node:net, so that `pause` would not. */
export function stopReading(socket: Socket): void {
  (socket as unknown as { _handle?: { readStop?(): number } | null })._handle?.readStop?.();
}

/** Reads on. */
export function goOnReading(socket: Socket): void {
  (socket as unknown as { _handle?: { readStart?(): number } | null })._handle?.readStart?.();
}

/** Bytes that the kernel has not taken of what was written to a socket, by node:http2 too. */
export function unsentBytes(socket: Socket): number {
  return (socket as unknown as { _handle?: { readonly writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}

/** Answers a call that grpc-js has not been given. */
export function refuse(stream: ServerHttp2Stream, refusal: Fault): void {
  if (stream.closed || stream.destroyed) return;
  const { code, details, metadata } = toError(refusal);
  const headers = { ':status': 200, 'content-type': 'application/grpc+proto' };
  const status = { 'grpc-status': String(code), 'grpc-message': encodeURI(details) };
  stream.respond({ ...headers, ...status, ...metadata.toHttp2Headers() }, { endStream: true });
  // What still comes of the request is dropped.
  stream.resume();
}

/** The size of a header list: each name and value, and 32 B (RFC 9113, section 6.5.2). */
export function listBytes(raw: readonly string[]): number {
  return raw.reduce((bytes, text) => bytes + text.length + 16, 0);
}

/** What answers a compressed request has inflated it. */
export function beforeResponse(stream: ServerHttp2Stream, call: () => void): void {
  const { respond } = stream;
  stream.respond = (...args) => {
    call();
    Reflect.apply(respond, stream, args);
  };
}
