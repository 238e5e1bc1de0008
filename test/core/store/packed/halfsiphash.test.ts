import { describe, expect, it } from '@jest/globals';
import { halfSipHash } from '../../../../src/core/store/packed/halfsiphash.js';

/** Of the reference implementation (vectors.h): key 00 01 … 07, of texts of the bytes 00, 00 01, 00 01 02, … */
const VECTORS = ['a9359f5b', '27475ab8', 'fa62a603', '8afee704', '2a6e4689', 'c5fab669'];

describe('HalfSipHash-2-4', () => {
  it('gives what its authors’ code gives', () => {
    const hashed = VECTORS.map((_, length) => {
      const text = String.fromCharCode(...Array.from({ length }, (_, byte) => byte));
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(halfSipHash([0x03020100, 0x07060504], text));
      return bytes.toString('hex');
    });
    expect(hashed).toEqual(VECTORS);
  });

  it('is another one under another key', () => {
    const text = '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13';
    const keys = [0, 1, 2].flatMap((k0) => [0, 1, 2].map((k1) => [k0, k1] as const));
    expect(new Set(keys.map((key) => halfSipHash(key, text))).size).toBe(keys.length);
  });
});
