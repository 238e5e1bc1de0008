import { describe, expect, it } from '@jest/globals';
import { Frames, joined } from '../../../src/grpc/encode/frames.js';

describe('Frames', () => {
  const log = Uint8Array.from({ length: 64 }, (_, at) => at);

  it('puts the prefix of an uncompressed message before it', () => {
    expect([...new Frames().of(log.subarray(7, 10))]).toEqual([0, 0, 0, 0, 3, 7, 8, 9]);
    expect([...new Frames().of(new Uint8Array(0))]).toEqual([0, 0, 0, 0, 0]);
  });

  it('shares the frame of the same bytes, and of no others', () => {
    const frames = new Frames();
    const frame = frames.of(log.subarray(0, 8));
    expect(frames.of(log.subarray(0, 8))).toBe(frame);
    for (const other of [log.subarray(0, 9), log.subarray(1, 9), log.slice(0, 8)]) {
      expect(frames.of(other)).not.toBe(frame);
      expect(frames.of(other).subarray(5)).toEqual(Buffer.from(other));
    }
    // The oldest gives way.
    frames.of(log.subarray(20, 21));
    expect(frames.of(log.subarray(0, 8))).not.toBe(frame);
  });

  it('keeps no message that is large', () => {
    const frames = new Frames();
    const large = new Uint8Array(600_000);
    expect(frames.of(large)).not.toBe(frames.of(large));
  });

  it('puts the pieces of a message behind a prefix in one memory, which is the frame', () => {
    const message = joined([Buffer.from('one, '), Buffer.alloc(0), Buffer.from('two')]);
    expect(Buffer.from(message).toString()).toBe('one, two');
    const frame = new Frames().of(message);
    expect(frame.buffer).toBe(message.buffer);
    expect([...frame.subarray(0, 5)]).toEqual([0, 0, 0, 0, 8]);
    expect(frame.subarray(5).toString()).toBe('one, two');
  });
});
