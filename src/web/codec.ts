import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  fromJsonString,
  type Registry,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import { asError } from '../base/errors.js';
import { invalid } from './status.js';

/** How the messages of a call are written. */
export interface Codec {
  /** Behind the content type's slash or plus. */
  readonly name: 'json' | 'proto';
  /** The encoded request message. Throws a `WebRefusal` that says what was wrong. */
  request(bytes: Uint8Array): Uint8Array;
  /** A message of the answer, from its encoded form. */
  answer(bytes: Uint8Array): Uint8Array;
}

/** Messages as they are encoded: nothing is read, the service does that. */
export const PROTO: Codec = { name: 'proto', request: (bytes) => bytes, answer: (bytes) => bytes };

/** Messages in the JSON of Protobuf, for one method. */
export function jsonCodec({ input, output }: DescMethod, registry: Registry): Codec {
  return {
    name: 'json',
    request: (bytes) => toBinary(input, read(input, bytes, registry)),
    answer: (bytes) => Buffer.from(toJsonString(output, fromBinary(output, bytes), { registry })),
  };
}

function read(type: DescMessage, bytes: Uint8Array, registry: Registry) {
  // An empty body is an empty message, as it is in the binary form.
  const text = bytes.length === 0 ? '{}' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  try {
    return fromJsonString(type, text, { registry });
  } catch (error) {
    throw invalid('', `the request is no ${type.typeName} in JSON: ${asError(error).message}`);
  }
}
