import type { IncomingHttpHeaders } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import type { DoorLimits, WireLimits } from '../limits.js';
import type { Peers } from './peers.js';

/** Answered in place of every method that is not known, so that this error has its details too. */
export const UNKNOWN_PATH = '/switchyard.v1/Unknown';
/** The path that was asked for instead of {@link UNKNOWN_PATH}, as metadata. */
export const ASKED_PATH = 'switchyard-asked-path';

const MS_OF_UNIT: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Sets what grpc-js has no option for, on the node:http2 server below it: what a connection may do and hold, how large
 * metadata, and how long a deadline.
 */
export function boundWire(server: Http2Server, limits: DoorLimits, paths: ReadonlySet<string>, peers: Peers): void {
  peers.watch(server, (headers) => prepare(headers, limits, paths));
  server.updateSettings({
    maxConcurrentStreams: limits.callsPerConnectionMax,
    maxHeaderListSize: limits.metadataBytesMax,
  });
}

/** Shortens a deadline that no timer can hold, and replaces an unknown path by {@link UNKNOWN_PATH}. */
function prepare(headers: IncomingHttpHeaders, { callDeadlineMsMax }: DoorLimits, paths: ReadonlySet<string>): void {
  const timeout = headers['grpc-timeout'];
  if (timeout !== undefined) headers['grpc-timeout'] = cutTimeout(String(timeout), callDeadlineMsMax);
  const path = headers[':path'] as string;
  if (paths.has(path)) return;
  headers[ASKED_PATH] = path;
  headers[':path'] = UNKNOWN_PATH;
}

/**
 * The node:http2 server that grpc-js has made for its only injector of connections.
 *
 * grpc-js keeps it in a private field, which is why package.json takes no newer minor version of it by itself. Where the
 * field is not there, the server does not start: better than to run without bounds.
 */
export function http2ServerOf(server: Server): Http2Server | Http2SecureServer {
  const { http2Servers } = server as unknown as { http2Servers?: Map<Http2Server | Http2SecureServer, unknown> };
  if (!(http2Servers instanceof Map) || http2Servers.size !== 1) {
    throw new Error('this version of @grpc/grpc-js does not show its HTTP/2 server');
  }
  const [http2Server] = http2Servers.keys();
  return http2Server;
}

/** The door's bounds as the wire needs them: beside the largest message there is always room for another. */
export function wireLimits(limits: DoorLimits, messageBytesMax: number): WireLimits {
  const requestBytesPerConnectionMax = Math.max(limits.requestBytesPerConnectionMax, 2 * messageBytesMax);
  return { ...limits, requestBytesPerConnectionMax, messageBytesMax };
}

/** A timeout that fits a timer. grpc-js counts its milliseconds in 31 bits, and what is longer has passed at once. */
function cutTimeout(timeout: string, msMax: number): string {
  const found = /^(\d{1,8})([HMSmun])$/.exec(timeout);
  if (found === null || Number(found[1]) * MS_OF_UNIT[found[2]] <= msMax) return timeout;
  return `${Math.floor(msMax / 1000)}S`;
}
