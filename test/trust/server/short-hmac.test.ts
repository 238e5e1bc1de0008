import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ShortHmac } from '../../../src/trust/server/short-hmac.js';

describe('a short HMAC', () => {
  it.each([0, 1, 20, 32, 63, 64])('by a key of %i bytes is the one that node:crypto makes', (keyBytes) => {
    const key = Buffer.alloc(keyBytes, 0xa7);
    const hmac = new ShortHmac(key);
    for (const length of [0, 1, 39, 55, 56, 64, 200]) {
      const message = Buffer.from(Array.from({ length }, (_, at) => (at * 31 + length) % 256));
      const [head, tail] = [message.subarray(0, length / 2), message.subarray(length / 2)];
      expect(hmac.digest(head, tail)).toEqual(createHmac('sha256', key).update(message).digest());
    }
  });

  it('is refused for a key that is longer than a block', () => {
    expect(() => new ShortHmac(Buffer.alloc(65))).toThrow('a key of 65 bytes; 64 are the limit');
  });
});
