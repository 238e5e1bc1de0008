import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Fault } from '../../core/model/fault.js';
import { toError } from '../status.js';

// Operations on sockets and streams below grpc-js, without its knowledge.

/**
 * Replaces a method of one stream. It is defined and not assigned: where each stream is assigned a function of its own, V8's collections
 * of the young generation keep streams that are over, with their calls, until the next collection of the old one, and copy them each time.
 */
export function replaceMethod<K extends 'push' | 'respond' | 'write'>(
  stream: ServerHttp2Stream,
  name: K,
  value: ServerHttp2Stream[K],
): void {
  Object.defineProperty(stream, name, { value, writable: true, configurable: true, enumerable: true });
}

/** Makes grpc-js believe that a stream is closed: it checks that before each chunk, and drops the chunk. */
export function hideFromGrpc(stream: ServerHttp2Stream): void {
  Object.defineProperty(stream, 'closed', { value: true, configurable: true });
}

/** Stops reading from a socket. node:http2 reads the handle itself, so `pause` would have no effect. */
export function stopReading(socket: Socket): void {
  (socket as unknown as { _handle?: { readStop?(): number } | null })._handle?.readStop?.();
}

/** Resumes reading after {@link stopReading}. */
export function goOnReading(socket: Socket): void {
  (socket as unknown as { _handle?: { readStart?(): number } | null })._handle?.readStart?.();
}

/** Bytes written to a socket, also by node:http2, that the kernel has not taken yet. */
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

/** Calls back before the stream's response begins: a compressed request has been inflated by then. */
export function beforeResponse(stream: ServerHttp2Stream, call: () => void): void {
  const { respond } = stream;
  replaceMethod(stream, 'respond', (...args) => {
    call();
    Reflect.apply(respond, stream, args);
  });
}

/** Calls back with the size of each chunk of a request as it comes, whether the call is read or paused. */
export function onArrival(stream: ServerHttp2Stream, came: (bytes: number) => void): void {
  const { push } = stream;
  replaceMethod(stream, 'push', (chunk: Buffer | null, encoding?: BufferEncoding) => {
    came(chunk?.length ?? 0);
    return push.call(stream, chunk, encoding);
  });
}

/** What HTTP/2 gives a stream and a connection before anything else is said: RFC 9113, section 6.9.2. */
export const FIRST_WINDOW_BYTES = 65_535;

/** What a session is destroyed with. Its declared type lacks the form with a code alone. */
export type DestroyArgs = readonly [error?: Error | number, code?: number];

/** What node:http2 itself has for `destroy`, whatever a session has in its place. */
export function destroy(session: Http2Session, args: DestroyArgs): void {
  const prototype = Object.getPrototypeOf(session) as { destroy(...args: DestroyArgs): void };
  prototype.destroy.apply(session, [...args]);
}
