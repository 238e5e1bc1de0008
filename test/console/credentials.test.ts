import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '../../src/client/system.js';
import { makeCode, makeLogin, readCredential } from '../../src/console/credentials.js';
import { CONSOLE_LIMITS } from '../../src/console/limits.js';

const TOKEN = 'an-administrator-of-tests';
const NOW = 1_790_000_000_000;
const clock = { wallMs: () => NOW };

describe('a code', () => {
  it('says who somebody is until its minute is over', () => {
    const code = makeCode(TOKEN, 'administrator', clock, systemRandom);
    const expiresMs = NOW + CONSOLE_LIMITS.codeMs;
    expect(readCredential('code', TOKEN, code, NOW)).toMatchObject({ role: 'administrator', expiresMs });
    expect(readCredential('code', TOKEN, code, expiresMs - 1)).toBeDefined();
    expect(readCredential('code', TOKEN, code, expiresMs)).toBeUndefined();
  });

  it('of a clock that is ahead is not good for longer', () => {
    const code = makeCode(TOKEN, 'viewer', { wallMs: () => NOW + 1 }, systemRandom);
    expect(readCredential('code', TOKEN, code, NOW)).toBeUndefined();
  });

  it('is no code with any of its bits turned, of another token, or as a login', () => {
    const code = Buffer.from(makeCode(TOKEN, 'viewer', clock, systemRandom), 'base64url');
    for (let bit = 0; bit < 8 * code.length; bit++) {
      const turned = Buffer.from(code);
      turned[bit >> 3] ^= 1 << (bit & 7);
      expect(readCredential('code', TOKEN, turned.toString('base64url'), NOW)).toBeUndefined();
    }
    expect(readCredential('code', 'another-administrator', code.toString('base64url'), NOW)).toBeUndefined();
    expect(readCredential('login', TOKEN, code.toString('base64url'), NOW)).toBeUndefined();
    expect(readCredential('code', TOKEN, '', NOW)).toBeUndefined();
  });
});

describe('a login', () => {
  it('is another each time, and good until it expires', () => {
    const [one, two] = [1, 2].map(() => makeLogin(TOKEN, 'viewer', NOW + 10, systemRandom));
    expect(one).not.toBe(two);
    expect(readCredential('login', TOKEN, one, NOW)?.role).toBe('viewer');
    expect(readCredential('login', TOKEN, one, NOW + 10)).toBeUndefined();
  });
});
