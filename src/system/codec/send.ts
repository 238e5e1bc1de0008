import type { ByteWriter } from './bytes.js';
import { encodeEvent, type SystemEvent } from './event.js';
import { FRAME_HEADER_BYTES } from './frame.js';
import { encodePacketHeader } from './packet.js';

/** Where an event goes, and by which number it will be answered or answers. */
export interface Envelope {
  readonly streamId?: number;
  readonly packetId?: number | undefined;
}

/** Appends an event as a whole frame, or throws and leaves the writer as it was. */
export function writeEvent(writer: ByteWriter, event: SystemEvent, { streamId = 0, packetId }: Envelope = {}): void {
  writer.whole(() => {
    const start = writer.length;
    writer.u32(0);
    encodePacketHeader(writer, { streamId, event: true, compressed: false, noise: false, packetId });
    encodeEvent(writer, event);
    writer.patchU32(start, writer.length - start - FRAME_HEADER_BYTES);
  });
}

/** Appends a block of a stream's data as a whole frame, or throws and leaves the writer as it was. */
export function writeBlock(
  writer: ByteWriter,
  block: Uint8Array,
  streamId: number,
  { compressed, packetId }: { readonly compressed: boolean; readonly packetId: number | undefined },
): void {
  writer.whole(() => {
    const start = writer.length;
    writer.u32(0);
    encodePacketHeader(writer, { streamId, event: false, compressed, noise: false, packetId });
    writer.bytes(block);
    writer.patchU32(start, writer.length - start - FRAME_HEADER_BYTES);
  });
}
