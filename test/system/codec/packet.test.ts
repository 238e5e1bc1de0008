import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { decodePacket, encodePacketHeader, type Packet } from '../../../src/system/codec/packet.js';

const anyPacket: fc.Arbitrary<Packet> = fc
  .record(
    {
      streamId: fc.integer({ min: 0, max: 0x7fffffff }),
      event: fc.boolean(),
      compressed: fc.boolean(),
      noise: fc.boolean(),
      packetId: fc.option(fc.integer({ min: 0, max: 0xffffffff }), { nil: undefined }),
      body: fc.uint8Array({ maxLength: 40 }),
    },
    { noNullPrototype: true },
  )
  .filter(({ event, compressed, noise }) => !(event && compressed) || noise);

describe('A packet', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        const writer = new ByteWriter();
        encodePacketHeader(writer, packet);
        writer.bytes(packet.body);
        expect(decodePacket(writer.finish())).toStrictEqual(packet);
      }),
      { numRuns: 300 },
    );
  });

  it('cut short in its header names the part that is not all there', () => {
    const header = [0, 0, 0, 7, 3, 0, 0, 0, 9];
    const offsets = [0, 0, 0, 0, 4, 5, 5, 5, 5];
    for (const [length, offset] of offsets.entries()) {
      const outcome = decodePacket(Uint8Array.from(header.slice(0, length)));
      expect(outcome).toMatchObject({ reason: 'EVENT_TRUNCATED', offset });
    }
  });

  it('is refused with flags that mean nothing', () => {
    for (const flags of [0x10, 0x20, 0x40, 0x80, 0x91, 0xff]) {
      const outcome = decodePacket(Uint8Array.of(0, 0, 0, 0, flags));
      expect(outcome).toMatchObject({ reason: 'PACKET_FLAGS_INVALID', offset: 4 });
    }
  });

  it('is refused when an event claims to be compressed, unless it is noise', () => {
    expect(decodePacket(Uint8Array.of(0, 0, 0, 0, 5))).toMatchObject({ reason: 'PACKET_FLAGS_INVALID' });
    expect(decodePacket(Uint8Array.of(0, 0, 0, 0, 13))).toMatchObject({ noise: true });
  });

  it('is refused with a stream id that is no int32', () => {
    expect(decodePacket(Uint8Array.of(0x80, 0, 0, 0, 0))).toMatchObject({ reason: 'FIELD_INVALID', offset: 0 });
  });

  it('cannot be written with ids that have no place', () => {
    const packet = { streamId: 1, event: false, compressed: false, noise: false, packetId: undefined };
    const writer = new ByteWriter();
    expect(() => encodePacketHeader(writer, { ...packet, streamId: 2 ** 31 })).toThrow(RangeError);
    expect(() => encodePacketHeader(writer, { ...packet, packetId: 2 ** 32 })).toThrow(RangeError);
  });
});
