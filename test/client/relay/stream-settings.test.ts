import { describe, expect, it } from '@jest/globals';
import { durationOf, msOf } from '../../../src/client/index.js';
import { maskOf, streamParamsOf } from '../../../src/client/relay/stream-settings.js';

describe('settings of a stream', () => {
  it('name in the mask exactly what is there, zero and false included', () => {
    expect(maskOf({})).toEqual([]);
    expect(maskOf({ name: '', timeoutMs: 0, deliveryConfirmation: false })).toEqual([
      'name',
      'timeout',
      'delivery_confirmation',
    ]);
    expect(maskOf({ labels: {}, maxBlockBytes: 1, compression: 0 })).toEqual([
      'max_block_bytes',
      'compression',
      'labels',
    ]);
  });

  it('become the proto’s, with its defaults', () => {
    expect(streamParamsOf({ timeoutMs: 1_250, name: 'n', labels: { a: 'b' } })).toEqual({
      name: 'n',
      timeout: { seconds: 1n, nanos: 250_000_000 },
      maxBlockBytes: 0,
      compression: 0,
      deliveryConfirmation: false,
      labels: { a: 'b' },
    });
    expect(streamParamsOf({}).timeout).toBeUndefined();
  });
});

describe('a duration', () => {
  it.each([0, 0.5, 0.25, 1, 999, 1_000, 1_001, 90_500, -1, -1_500, 86_400_000 * 24])(
    'of %d ms survives the proto',
    (ms) => {
      expect(msOf(durationOf(ms))).toBe(ms);
      const { seconds, nanos } = durationOf(ms);
      // google.protobuf.Duration: both parts have the same sign.
      expect(Math.sign(nanos) * Number(seconds)).toBeGreaterThanOrEqual(0);
    },
  );
});
