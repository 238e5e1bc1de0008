import { invalid } from './status.js';

/*
 * Streams of both protocols are sequences of envelopes: flags 1 B | length 4 B, big-endian | content.
 */

/** Flags of an envelope. */
export const FLAG = {
  message: 0,
  /** Its content is compressed, which this door does not do. */
  compressed: 1,
  /** The last of a stream of Connect. */
  connectEnd: 2,
  /** The trailers of gRPC-Web. */
  trailers: 128,
} as const;

const HEAD_BYTES = 5;

/** Puts content into an envelope. */
export function envelope(flags: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = flags;
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

/** The content of the one message that a request has. Throws a `WebRefusal` for anything else. */
export function onlyMessage(body: Buffer): Buffer {
  if (body.length < HEAD_BYTES)
    throw invalid('', `the body has ${body.length} bytes, and an envelope has at least ${HEAD_BYTES}`);
  const [flags] = body;
  if (flags === FLAG.compressed) throw invalid('', 'the message is compressed, and this server takes none that are');
  if (flags !== FLAG.message) throw invalid('', `the first envelope has the flags ${flags}, and a message has 0`);
  const end = HEAD_BYTES + body.readUInt32BE(1);
  if (end !== body.length) {
    throw invalid(
      '',
      `the envelope says that it ends at byte ${end}, and the body has ${body.length}: one message is wanted`,
    );
  }
  return body.subarray(HEAD_BYTES);
}
