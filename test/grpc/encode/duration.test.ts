import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { durationOf, msOf } from '../../../src/grpc/encode/duration.js';

describe('a Duration', () => {
  it('comes back as the milliseconds that it was made of', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (ms) => {
        expect(msOf(durationOf(ms))).toBe(ms);
      }),
    );
  });

  it('keeps parts of a millisecond', () => {
    expect(durationOf(1.5)).toEqual({ seconds: 0n, nanos: 1_500_000 });
    expect(durationOf(-2_000.25)).toEqual({ seconds: -2n, nanos: -250_000 });
    expect(msOf({ seconds: 0n, nanos: 1 })).toBe(1e-6);
  });

  it.each([
    [{ seconds: 1n, nanos: -1 }],
    [{ seconds: -1n, nanos: 1 }],
    [{ seconds: 0n, nanos: 1_000_000_000 }],
    [{ seconds: 0n, nanos: -1_000_000_000 }],
    [{ seconds: 315_576_000_001n, nanos: 0 }],
    [{ seconds: -315_576_000_001n, nanos: 0 }],
    [{ seconds: 2n ** 63n - 1n, nanos: 0 }],
  ])('that breaks the rules of its proto is no number: %o', (duration) => {
    expect(msOf(duration)).toBeNaN();
  });

  it('that is absent is 0', () => {
    expect(msOf(undefined)).toBe(0);
  });
});
