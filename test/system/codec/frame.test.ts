import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader } from '../../../src/system/codec/frame.js';

function framed(packets: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(packets.flatMap((packet) => [0, 0, packet.length >> 8, packet.length & 0xff, ...packet]));
}

describe('A frame reader', () => {
  it('finds the packets however the bytes are cut into chunks', () => {
    const packets = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(packets, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sent, sizes) => {
        const bytes = framed(sent);
        const reader = new FrameReader(300);
        const received: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length];
          expect(reader.push(bytes.slice(at, at + size), (packet) => received.push(packet))).toBeUndefined();
          expect(reader.heldBytes).toBeLessThan(304);
          at += size;
        }
        expect(received).toEqual(sent);
        expect(reader.heldBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('ends at a length past its bound, after the packets before it, and stays at its end', () => {
    const reader = new FrameReader(16);
    const received: Uint8Array[] = [];
    const bytes = Uint8Array.of(0, 0, 0, 1, 42, 0xff, 0xff, 0xff, 0xff, 7, 7);
    expect(reader.push(bytes, (packet) => received.push(packet))).toMatchObject({ reason: 'TOO_LARGE' });
    expect(received).toEqual([Uint8Array.of(42)]);
    expect(reader.push(framed([Uint8Array.of(1)]), (packet) => received.push(packet))).toMatchObject({
      reason: 'TOO_LARGE',
    });
    expect(received).toHaveLength(1);
  });

  it('notices a length past its bound that comes byte by byte', () => {
    const reader = new FrameReader(16);
    const outcomes = [0, 0, 1, 0].map((byte) => reader.push(Uint8Array.of(byte), () => {}));
    expect(outcomes.slice(0, 3)).toEqual([undefined, undefined, undefined]);
    expect(outcomes[3]).toMatchObject({ reason: 'TOO_LARGE', description: 'a packet of 256 bytes; 16 are the limit' });
  });

  it('holds what has come and not what was announced', () => {
    const reader = new FrameReader(1 << 20);
    reader.push(Uint8Array.of(0, 0x10, 0, 0, 1, 2, 3), () => {});
    expect(reader.heldBytes).toBe(7);
  });
});
