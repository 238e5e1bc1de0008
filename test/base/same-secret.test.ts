import { describe, expect, it } from '@jest/globals';
import { isSameSecret } from '../../src/base/same-secret.js';

describe('a secret', () => {
  it('is the same only when every character is', () => {
    expect(isSameSecret('sesame', 'sesame')).toBe(true);
    const others = ['', 'sesam', 'sesame ', 'Sesame', 'sesamé'];
    expect(others.filter((other) => isSameSecret(other, 'sesame'))).toEqual([]);
  });
});
