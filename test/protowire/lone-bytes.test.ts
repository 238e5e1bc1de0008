import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RelayRequest } from '../../gen/switchyard/v1/stream_service.js';
import { decodeLoneBytes, encodeLoneBytes } from '../../src/protowire/lone-bytes.js';

const TAG = 0x12;
const LENGTHS = [1, 127, 128, 16_383, 16_384, 65_536, 2_097_151, 2_097_152];

/** What generated code makes of a message. */
function generated(block: Uint8Array): Buffer {
  return Buffer.from(RelayRequest.encode(RelayRequest.fromPartial({ block: Buffer.from(block) })).finish());
}

describe('a message of one field of bytes', () => {
  it.each(LENGTHS)('of %i bytes is written as generated code writes it, and read again', (length) => {
    const block = Buffer.alloc(length, 7);
    const message = encodeLoneBytes(TAG, block);
    expect(message.equals(generated(block))).toBe(true);
    expect(decodeLoneBytes(TAG, message)?.equals(block)).toBe(true);
  });

  it('keeps the read of a socket alive only where it is most of it', () => {
    const read = Buffer.alloc(65_536);
    const lay = (length: number) => {
      const message = encodeLoneBytes(TAG, Buffer.alloc(length, 7));
      message.copy(read);
      return decodeLoneBytes(TAG, read.subarray(0, message.length))!;
    };
    expect(lay(16_383).buffer).not.toBe(read.buffer);
    expect(lay(16_384).buffer).toBe(read.buffer);
  });

  it('is not seen in any other message, which generated code reads or refuses', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const message = Buffer.from(bytes);
        const block = decodeLoneBytes(TAG, message);
        if (block !== undefined) expect(RelayRequest.decode(message)).toEqual(RelayRequest.fromPartial({ block }));
      }),
    );
    const block = encodeLoneBytes(TAG, Buffer.from('block'));
    for (const other of [
      Buffer.alloc(0),
      block.subarray(0, -1),
      Buffer.concat([block, Buffer.of(0x18, 1)]),
      Buffer.concat([Buffer.of(0x18, 1), block]),
      Buffer.of(TAG, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
    ]) {
      expect(decodeLoneBytes(TAG, other)).toBeUndefined();
    }
  });
});
