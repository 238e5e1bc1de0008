import type { SeededRandom } from '../../../harness/simulation/machine/random.js';
import { bindingRequest } from '../../../src/stun/binding.js';
import { METHOD_PATHS } from './method-paths.js';
import * as raw from './raw.js';

/*
 * What a stranger may send to each kind of door: mostly as it should be, and odd in one place or several. All of it is drawn
 * from a seed, so that what ended a server can be sent to it again.
 */

const METHODS = ['GET', 'POST', 'OPTIONS', 'HEAD', 'PUT', 'CONNECT', 'TRACE', 'PROPFIND'];
const TARGETS = ['/', '//', '///', '*', '/?', '/%', '/%ff', '/session', '/login', '/socket', '/metrics', '/healthz'];
const URLS = [
  'http://[',
  'http://',
  'http:',
  'a:1',
  'http://127.0.0.1/metrics',
  'http://[::1]:99999/',
  'ftp://x//',
  '?',
  '#',
];
const QUERIES = [
  '',
  '?',
  '?message=%7B%7D',
  '?message=%',
  '?encoding=proto&message=AA&base64=1',
  '?encoding=%ff',
  '?&&=&',
];
const HEADERS = [
  ...['host', 'origin', 'cookie', 'authorization', 'switchyard-session', 'switchyard-admin', 'switchyard-access'],
  ...['content-type', 'content-encoding', 'connect-timeout-ms', 'grpc-timeout', 'connect-protocol-version', 'expect'],
  ...[
    'upgrade',
    'connection',
    'sec-websocket-key',
    'sec-websocket-version',
    'sec-websocket-protocol',
    'accept-encoding',
  ],
  ...[
    'sec-websocket-extensions',
    'transfer-encoding',
    'content-length',
    'trailer',
    'te',
    'range',
    'x-odd',
    'http2-settings',
  ],
];
const VALUES = [
  ...[
    '',
    ' ',
    '\t',
    'a\tb',
    '\xff',
    '\xff\xfe\x80',
    '%',
    '=;=;',
    '[',
    '[::1',
    'http://[',
    'null',
    ',,,',
    '"',
    '-1',
    '0',
    '1e9',
  ],
  ...[
    '99999999999',
    '99999999S',
    'application/json',
    'application/connect+json',
    'application/grpc-web-text',
    'gzip',
    'chunked',
  ],
  ...[
    'websocket',
    'Upgrade',
    '13',
    'AAAAAAAAAAAAAAAAAAAAAA==',
    'switchyard',
    'switchyard-console-1',
    '127.0.0.1',
    '100-continue',
  ],
  ...['permessage-deflate; client_max_window_bits=99', 'identity', 'bytes=0-', 'Bearer \xff', 'a=\xff; b'],
];
const BODIES = [
  '',
  '{}',
  '{',
  '[[[[',
  '\0\0\0\0\x02{}',
  '\x01\0\0\0\x02{}',
  '\0\xff\xff\xff\xff',
  'AAAAAAJ7fQ==',
  '\xff',
];

/** One request of HTTP/1.1, or several, or what is none. */
export function oddHttp(random: SeededRandom): Buffer {
  const one = () => {
    const kind = random.below(10);
    if (kind === 0) return text(random.bytes(random.below(200)));
    const path = pick(random, [...TARGETS, ...METHOD_PATHS, ...METHOD_PATHS.slice(0, 20)]);
    const target = kind === 1 ? pick(random, URLS) : kind === 2 ? oddText(random).replace(/\s/g, '') : path;
    const line = `${pick(random, METHODS)} ${target}${pick(random, QUERIES)} HTTP/1.${random.below(12) === 0 ? 0 : 1}`;
    const body = pick(random, BODIES);
    const isChunked = random.below(6) === 0;
    const sized = isChunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`;
    const headers = Array.from({ length: random.below(6) }, () => `${pick(random, HEADERS)}: ${oddText(random)}`);
    const upgrade = ['connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13'];
    const more = random.below(4) === 0 ? [...upgrade, 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=='] : [];
    const type = `content-type: ${pick(random, ['application/json', 'application/connect+json', oddText(random)])}`;
    const trailer = `${pick(random, HEADERS)}: ${oddText(random)}`;
    const sent = isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n${trailer}\r\n\r\n` : body;
    return `${[line, 'host: 127.0.0.1', type, sized, ...more, ...headers].join('\r\n')}\r\n\r\n${sent}`;
  };
  return Buffer.from(one() + (random.below(4) === 0 ? one() : ''), 'latin1');
}

/** Frames of WebSocket, masked or not, with what may be in them. */
export function oddWebSocketFrames(random: SeededRandom): Buffer {
  const frames = Array.from({ length: 1 + random.below(4) }, () => {
    const isSound = random.below(3) > 0;
    const opcode = isSound ? pick(random, [0x82, 0x82, 0x81, 0x89]) : random.below(256);
    const payload = Buffer.from(random.bytes(random.below(isSound ? 120 : 200)));
    // The kinds of frames of the console, and the flags of packets of system events.
    if (payload.length > 0 && isSound) payload[0] = random.below(8);
    const mask = isSound ? 0x80 : random.below(256) & 0x80;
    const length = isSound ? payload.length : random.below(128);
    return Buffer.concat([Buffer.from([opcode, mask | length, 0, 0, 0, 0]), payload]);
  });
  return Buffer.concat(frames);
}

/** Packets of system events in their frames, and what is neither. */
export function oddSystemFrames(random: SeededRandom): Buffer {
  const frames = Array.from({ length: 1 + random.below(5) }, () => {
    const body = Buffer.from(random.bytes(random.below(80)));
    if (body.length > 4 && random.below(2) === 0) body.set([0x80, 0, 0, random.below(40)]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(random.below(8) === 0 ? random.word() : body.length);
    return Buffer.concat([length, body]);
  });
  return Buffer.concat(frames);
}

/** Records of TLS (RFC 8446, section 5.1): a beginning of a ClientHello, other records, and what is neither. */
export function oddTlsRecords(random: SeededRandom): Buffer {
  const records = Array.from({ length: 1 + random.below(3) }, () => {
    const body = Buffer.from(random.bytes(random.below(300)));
    const isHello = random.below(3) > 0 && body.length >= 6;
    // Type, length, and version of the message; its length may lie.
    if (isHello) body.set([1, 0, (body.length - 4) >> 8, (body.length - 4 + random.below(2)) & 255, 3, 3]);
    const length = random.below(6) === 0 ? random.below(65_536) : body.length;
    const type = isHello ? 22 : pick(random, [20, 21, 22, 23, random.below(256)]);
    return Buffer.concat([Buffer.from([type, 3, random.below(5), length >> 8, length & 255]), body]);
  });
  return Buffer.concat(records);
}

/** Messages of STUN, changed in some bytes, cut, or run together. */
export function oddStun(random: SeededRandom): Buffer {
  const attributes = Buffer.from(random.bytes(4 * random.below(6)));
  const message = Buffer.concat([bindingRequest(random.bytes(12)), attributes]);
  if (random.below(2) === 0) message.writeUInt16BE(attributes.length, 2);
  for (let times = random.below(4); times > 0; times--) message[random.below(message.length)] = random.below(256);
  return random.below(6) === 0 ? message.subarray(0, random.below(message.length)) : message;
}

/** A PROXY header of version 2, changed in some bytes, and what follows it. */
export function oddProxyHeader(random: SeededRandom): Buffer {
  const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
  const family = pick(random, [0x11, 0x21, 0x31, 0x00, 0x12]);
  const addresses = Buffer.from(random.bytes(pick(random, [12, 36, 216, 0, 7])));
  const length = random.below(5) === 0 ? random.below(65_536) : addresses.length;
  const head = Buffer.from([pick(random, [0x21, 0x20, 0x22, 0x11]), family, length >> 8, length & 255]);
  const header = Buffer.concat([signature, head, addresses]);
  if (random.below(4) === 0) header[random.below(header.length)] = random.below(256);
  return Buffer.concat([header, oddHttp(random)]);
}

/** Calls of gRPC whose metadata, paths and messages are odd. */
export function oddCalls(random: SeededRandom): Buffer {
  const calls = Array.from({ length: 1 + random.below(4) }, (_, at) => {
    const stream = 2 * at + 1;
    const names = [
      ...HEADERS.slice(4, 11),
      'x-bin',
      'grpc-encoding',
      'grpc-status-details-bin',
      ':path',
      ':authority',
      'te',
    ];
    const more = Object.fromEntries(
      Array.from({ length: random.below(4) }, () => [pick(random, names), oddText(random)]),
    );
    const path = random.below(5) === 0 ? oddText(random) : pick(random, METHOD_PATHS);
    const body = raw.message(random.bytes(random.below(40)), random.below(8) === 0 ? 1 : 0);
    const whole = raw.call(stream, path, body, more);
    // Trailers, as a second HEADERS of the same stream.
    if (random.below(6) > 0) return whole;
    const begun = Buffer.concat([raw.open(stream, path, more), raw.frame(raw.DATA, 0, stream, body)]);
    const trailers = raw.headerBlock({ [pick(random, names)]: oddText(random) });
    return Buffer.concat([begun, raw.frame(raw.HEADERS, raw.END_STREAM | raw.END_HEADERS, stream, trailers)]);
  });
  return Buffer.concat([raw.preface(), ...calls]);
}

function oddText(random: SeededRandom): string {
  if (random.below(4) > 0) return pick(random, VALUES);
  return text(random.bytes(random.below(40))).replace(/[\r\n\0]/g, '');
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function pick<T>(random: SeededRandom, some: readonly T[]): T {
  return some[random.below(some.length)]!;
}
