import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** What a writer may grow to before it is given up: a snapshot's message is as large. */
const ROOM_BYTES_MAX = 1_048_576;

let idle: BinaryWriter | undefined;

/**
 * The bytes of a message. All come from one writer, which keeps its room: making a new one each time took longer than
 * writing what a revision usually is.
 */
export function bytesOf<M>(type: { encode(message: M, writer: BinaryWriter): BinaryWriter }, message: M): Uint8Array {
  const writer = idle ?? new BinaryWriter();
  // Whatever is thrown leaves a writer that has begun something, and that nobody uses again.
  idle = undefined;
  const bytes = type.encode(message, writer).finish();
  if (bytes.length <= ROOM_BYTES_MAX) idle = writer;
  return bytes;
}
