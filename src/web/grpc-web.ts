import type { WebStatus } from './calls-port.js';
import type { Codec } from './codec.js';
import { envelope, FLAG, onlyMessage } from './envelope.js';
import type { Protocol } from './protocol.js';
import { invalid } from './status.js';

/**
 * A call of gRPC-Web: envelopes, of which the last has the trailers (PROTOCOL-WEB of grpc). With `isText` each is in
 * base64, for browsers that give a page no bytes before the answer is over.
 */
export function grpcWeb(codec: Codec, type: string, isText: boolean): Protocol {
  const streams = { status: 200, headers: { 'content-type': type } };
  const shown = (bytes: Buffer) => (isText ? Buffer.from(bytes.toString('base64')) : bytes);
  return {
    request: (body) => codec.request(onlyMessage(isText ? fromText(body) : body)),
    streams,
    message: (bytes) => shown(envelope(FLAG.message, codec.answer(bytes))),
    end: (status) => ({ ...streams, bytes: shown(envelope(FLAG.trailers, trailersOf(status))) }),
  };
}

function fromText(body: Buffer): Buffer {
  const text = body.toString('latin1');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw invalid('', 'the body is not base64, as its content type says');
  return Buffer.from(text, 'base64');
}

function trailersOf({ code, message, details }: WebStatus): Buffer {
  const lines = [`grpc-status: ${code}`, `grpc-message: ${escaped(message)}`];
  if (details.length > 0) lines.push(`grpc-status-details-bin: ${Buffer.from(details).toString('base64')}`);
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''));
}

/** As gRPC writes a message into a header: all but printable ASCII as %XX. */
function escaped(message: string): string {
  const bytes = [...Buffer.from(message)];
  const isPlain = (byte: number) => byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
  const hex = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return bytes.map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : hex(byte))).join('');
}
