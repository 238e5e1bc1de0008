import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Nonces } from '../../../src/trust/server/nonces.js';

describe('nonces', () => {
  it('of one millisecond are all different, and each is good', () => {
    const random = { bytes: (count: number) => randomBytes(count), fraction: () => 0 };
    const serverUuid = () => '00000000-0000-4000-8000-000000000001';
    const nonces = new Nonces({ clock: { nowMs: () => 5 }, random, serverUuid, nonceMs: 60_000 });
    const issued = Array.from({ length: 1_000 }, () => nonces.issue('default'));
    expect(new Set(issued.map((nonce) => nonce.toString('hex'))).size).toBe(issued.length);
    expect(issued.filter((nonce) => nonces.problemOf(nonce, 'default') !== undefined)).toHaveLength(0);
  });
});
