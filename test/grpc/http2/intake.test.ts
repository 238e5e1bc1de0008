import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { Intake } from '../../../src/grpc/http2/intake.js';

const MESSAGE_BYTES_MAX = 1_000_000;

function message(bytes: Uint8Array, compressed = false): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

describe('the intake of a call', () => {
  it('holds what has come of a message until all of it has', () => {
    const intake = new Intake(MESSAGE_BYTES_MAX);
    const whole = message(Buffer.alloc(10));
    expect([...whole].map((_, at) => intake.take(whole.subarray(at, at + 1)))).toEqual([
      ...[0, 0, 0, 0, 0],
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 0],
    ]);
  });

  it('holds what a compressed message may become, and never more than the largest, until more is read', () => {
    const intake = new Intake(MESSAGE_BYTES_MAX);
    const small = message(Buffer.alloc(10), true);
    expect(intake.take(small)).toBe(10 * 1_032);
    expect(intake.take(Buffer.concat([small, small]))).toBe(2 * 10 * 1_032);
    expect(intake.queued).toBe(512);
    expect(intake.take(message(Buffer.alloc(100_000), true))).toBe(MESSAGE_BYTES_MAX);
    expect(intake.end()).toBe(MESSAGE_BYTES_MAX);
    expect(intake.take(message(Buffer.alloc(7)))).toBe(0);
  });

  it('queues each message that came behind another, until the call reads on', () => {
    const intake = new Intake(MESSAGE_BYTES_MAX);
    const empty = message(Buffer.alloc(0));
    const half = message(Buffer.alloc(10)).subarray(0, 9);
    expect(intake.take(empty)).toBe(0);
    expect(intake.take(Buffer.concat([empty, empty, empty, half]))).toBe(4);
    expect(intake.queued).toBe(2 * 512);
    expect(intake.readOn()).toBe(4);
    expect(intake.queued).toBe(0);
  });

  it('lets go of half a message when no more comes', () => {
    const intake = new Intake(MESSAGE_BYTES_MAX);
    expect(intake.take(message(Buffer.alloc(10)).subarray(0, 9))).toBe(4);
    expect(intake.end()).toBe(0);
  });

  it(`holds nothing between messages, however they are cut into chunks (seed ${SEED})`, () => {
    const sizes = fc.array(fc.nat(300), { minLength: 1, maxLength: 20 });
    const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 });
    fc.assert(
      fc.property(sizes, cuts, (lengths, steps) => {
        const intake = new Intake(MESSAGE_BYTES_MAX);
        const bytes = Buffer.concat(lengths.map((length) => message(Buffer.alloc(length, 1))));
        let held = 0;
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + steps[turn % steps.length];
          held = intake.take(bytes.subarray(at, end));
          expect(held).toBeLessThanOrEqual(300);
          expect(intake.queued).toBe(512 * Math.max(0, intake.messages - 1));
          expect(intake.readOn()).toBe(held);
          at = end;
        }
        expect(held).toBe(0);
      }),
      { seed: SEED, numRuns: 50 },
    );
  });
});
