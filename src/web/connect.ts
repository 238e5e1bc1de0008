import { fromBinary, type JsonValue, type Registry, toJson } from '@bufbuild/protobuf';
import { Status } from '../../gen/google/rpc/status.js';
import type { WebStatus } from './calls-port.js';
import type { Codec } from './codec.js';
import { envelope, FLAG, onlyMessage } from './envelope.js';
import type { Head, Protocol } from './protocol.js';

/** A code of gRPC in the words of Connect, and the status of HTTP that goes with it (connectrpc.com/docs/protocol). */
const CODES: readonly (readonly [string, number])[] = [
  ['ok', 200],
  ['canceled', 499],
  ['unknown', 500],
  ['invalid_argument', 400],
  ['deadline_exceeded', 504],
  ['not_found', 404],
  ['already_exists', 409],
  ['permission_denied', 403],
  ['resource_exhausted', 429],
  ['failed_precondition', 400],
  ['aborted', 409],
  ['out_of_range', 400],
  ['unimplemented', 501],
  ['internal', 500],
  ['unavailable', 503],
  ['data_loss', 500],
  ['unauthenticated', 401],
];
const UNKNOWN = CODES[2];
const TYPE_URL = 'type.googleapis.com/';

/** A call of Connect with one answer: the messages are the bodies. */
export function connectUnary(codec: Codec, registry: Registry): Protocol {
  return {
    request: (body) => codec.request(body),
    streams: undefined,
    message: (bytes) => codec.answer(bytes),
    end(status, message) {
      if (status.code === 0) return { ...headOf(200, `application/${codec.name}`), bytes: message ?? new Uint8Array() };
      const [, http] = CODES[status.code] ?? UNKNOWN;
      return { ...headOf(http, 'application/json'), bytes: jsonBytes(errorOf(status, registry)) };
    },
  };
}

/** A call of Connect with many answers: envelopes, of which the last says how it ended. */
export function connectStream(codec: Codec, registry: Registry): Protocol {
  const streams = headOf(200, `application/connect+${codec.name}`);
  return {
    request: (body) => codec.request(onlyMessage(body)),
    streams,
    message: (bytes) => envelope(FLAG.message, codec.answer(bytes)),
    end: (status) => {
      const told: JsonValue = status.code === 0 ? {} : { error: errorOf(status, registry) };
      return { ...streams, bytes: envelope(FLAG.connectEnd, jsonBytes(told)) };
    },
  };
}

/** An error as Connect writes it: each detail in bytes, and once more in JSON for people. */
function errorOf({ code, message, details }: WebStatus, registry: Registry): Record<string, JsonValue> {
  const told = details.length === 0 ? [] : Status.decode(details).details;
  return {
    code: (CODES[code] ?? UNKNOWN)[0],
    message,
    details: told.map(({ typeUrl, value }) => {
      const type = typeUrl.replace(TYPE_URL, '');
      const desc = registry.getMessage(type);
      const debug = desc === undefined ? undefined : toJson(desc, fromBinary(desc, value), { registry });
      const bytes = Buffer.from(value).toString('base64').replace(/=+$/, '');
      return { type, value: bytes, ...(debug === undefined ? {} : { debug }) };
    }),
  };
}

function headOf(status: number, type: string): Head {
  return { status, headers: { 'content-type': type } };
}

function jsonBytes(value: JsonValue): Buffer {
  return Buffer.from(JSON.stringify(value));
}
