import type { IncomingHttpHeaders } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import type { DoorLimits, WireLimits } from '../limits.js';
import type { Peers } from './peers.js';

/** The method that is called in place of every unknown one, so that this error has details, too. */
export const UNKNOWN_PATH = '/switchyard.v1/Unknown';
/** The metadata with the path that the client asked for, when {@link UNKNOWN_PATH} replaces it. */
export const ASKED_PATH = 'switchyard-asked-path';

const MS_OF_UNIT: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Sets the bounds that grpc-js has no option for, on the node:http2 server below it: what a connection may do and hold, the
 * size of metadata, and the length of deadlines.
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
 * grpc-js keeps it in a private field, which is why package.json pins its minor version. Without that field the server
 * does not start, rather than run without bounds.
 */
export function http2ServerOf(server: Server): Http2Server | Http2SecureServer {
  const { http2Servers } = server as unknown as { http2Servers?: Map<Http2Server | Http2SecureServer, unknown> };
  if (!(http2Servers instanceof Map) || http2Servers.size !== 1) {
    throw new Error('this version of @grpc/grpc-js does not show its HTTP/2 server');
  }
  const [http2Server] = http2Servers.keys();
  return http2Server;
}

/** The door's bounds for HTTP/2: beside the largest message there is always room for another. */
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
