import type { IncomingHttpHeaders } from 'node:http';
import type { DescMethod, Registry } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { type Codec, jsonCodec, PROTO } from './codec.js';
import { connectStream, connectUnary } from './connect.js';
import { grpcWeb } from './grpc-web.js';
import type { Protocol } from './protocol.js';
import { CODE, invalid, WebDoorRefusal } from './status.js';

/** A request of HTTP that no protocol of this door can answer in its own form. */
export interface HttpRefusal {
  readonly http: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: string;
}

/** What a POST may be, for whoever sent something else. */
const UNARY_TYPES = ['application/json', 'application/proto'];
const STREAM_TYPES = ['application/connect+json', 'application/connect+proto'];
const BOTH_TYPES = ['application/grpc-web+proto', 'application/grpc-web-text+proto'];

const CONNECT = /^application\/(connect\+)?(json|proto)$/;
const GRPC_WEB = /^application\/grpc-web(-text)?(?:\+(proto|json))?$/;

/** The protocol of a POST, by its content type. */
export function protocolOf(method: DescMethod, type: string, registry: Registry): Protocol | HttpRefusal {
  const plain = type.replace(/;.*$/s, '').trim().toLowerCase();
  const isStream = method.methodKind !== 'unary';
  const web = GRPC_WEB.exec(plain);
  if (web !== null) return grpcWeb(codecOf(web[2], method, registry), plain, web[1] !== undefined);
  const connect = CONNECT.exec(plain);
  if (connect === null || (connect[1] !== undefined) !== isStream) return wrongType(method, plain);
  const codec = codecOf(connect[2], method, registry);
  return isStream ? connectStream(codec, registry) : connectUnary(codec, registry);
}

/** The protocol of a GET, which Connect has for methods that change nothing; and its message. */
export function queryOf(
  method: DescMethod,
  query: URLSearchParams,
  registry: Registry,
): { readonly protocol: Protocol; readonly body: () => Buffer } | HttpRefusal {
  if (method.methodKind !== 'unary' || method.idempotency !== Idempotency.NO_SIDE_EFFECTS) {
    return { http: 405, headers: { allow: 'POST' }, message: `${method.name} is called by POST` };
  }
  const encoding = query.get('encoding') ?? 'json';
  const codec = codecOf(encoding === 'proto' ? 'proto' : 'json', method, registry);
  const body = () => {
    if (encoding !== 'json' && encoding !== 'proto') throw invalid('encoding', 'encoding is json or proto');
    if (!['', 'identity', null].includes(query.get('compression')))
      throw invalid('compression', 'nothing is decompressed');
    const isBase64 = query.get('base64') === '1';
    return Buffer.from(query.get('message') ?? '', isBase64 ? 'base64url' : 'utf8');
  };
  return { protocol: connectUnary(codec, registry), body };
}

/** Throws a `WebRefusal` for what a request's headers ask of its protocol and this door does not do. */
export function checkHeaders(headers: IncomingHttpHeaders): void {
  for (const name of ['content-encoding', 'connect-content-encoding', 'grpc-encoding']) {
    const given = headers[name] ?? 'identity';
    if (given === 'identity') continue;
    const message = `${name} is ${JSON.stringify(String(given).slice(0, 40))}, and this server takes "identity" only`;
    throw new WebDoorRefusal(CODE.unimplemented, 'UNIMPLEMENTED', message);
  }
  const version = headers['connect-protocol-version'] ?? '1';
  if (version !== '1') throw invalid('connect-protocol-version', 'connect-protocol-version is 1');
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** How long the caller waits; undefined for as long as it takes. Throws a `WebRefusal` for what is no time. */
export function timeoutOf(headers: IncomingHttpHeaders): number | undefined {
  const connect = headers['connect-timeout-ms'];
  if (connect !== undefined) {
    if (!/^\d{1,10}$/.test(String(connect)))
      throw invalid('connect-timeout-ms', 'connect-timeout-ms has 1 to 10 digits');
    return Number(connect);
  }
  const grpc = headers['grpc-timeout'];
  if (grpc === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(grpc)) ?? [];
  if (unit === undefined) throw invalid('grpc-timeout', 'grpc-timeout has 1 to 8 digits and one of H, M, S, m, u, n');
  return Number(digits) * UNIT_MS[unit];
}

function codecOf(name: string | undefined, method: DescMethod, registry: Registry): Codec {
  return name === 'json' ? jsonCodec(method, registry) : PROTO;
}

function wrongType(method: DescMethod, given: string): HttpRefusal {
  const types = [...(method.methodKind === 'unary' ? UNARY_TYPES : STREAM_TYPES), ...BOTH_TYPES];
  const message = `${method.name} takes ${types.join(', ')}, and the content type is ${JSON.stringify(given.slice(0, 60))}`;
  return { http: 415, headers: { 'accept-post': types.join(', ') }, message };
}
