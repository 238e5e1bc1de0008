import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '../../src/client/system.js';
import { makeCode, makeLogin, readCredential } from '../../src/console/credentials.js';
import { CONSOLE_LIMITS } from '../../src/console/limits.js';

const TOKEN = 'an-administrator-of-tests';
const NOW = 1_790_000_000_000;
const VIEWER = { role: 'viewer', network: 'default' } as const;
const clock = { wallMs: () => NOW };

describe('a code', () => {
  it('says who somebody is until its minute is over', () => {
    const code = makeCode(TOKEN, { role: 'administrator', network: 'default' }, clock, systemRandom);
    const expiresMs = NOW + CONSOLE_LIMITS.codeMs;
    expect(readCredential('code', TOKEN, code, NOW)).toMatchObject({ role: 'administrator', expiresMs });
    expect(readCredential('code', TOKEN, code, expiresMs - 1)).toBeDefined();
    expect(readCredential('code', TOKEN, code, expiresMs)).toBeUndefined();
  });

  it('of a clock that is ahead is not good for longer', () => {
    const code = makeCode(TOKEN, VIEWER, { wallMs: () => NOW + 1 }, systemRandom);
    expect(readCredential('code', TOKEN, code, NOW)).toBeUndefined();
  });

  it('is no code with any of its bits turned, of another token, or as a login', () => {
    const code = Buffer.from(makeCode(TOKEN, VIEWER, clock, systemRandom), 'base64url');
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

describe('a code or login of a network', () => {
  it('says which network it is for, and none that has no such name', () => {
    const code = (network: string) => makeCode(TOKEN, { role: 'viewer', network }, clock, systemRandom);
    expect(readCredential('code', TOKEN, code('north'), NOW)?.network).toBe('north');
    expect(readCredential('code', TOKEN, code('a'.repeat(32)), NOW)?.network).toBe('a'.repeat(32));
    expect(readCredential('code', TOKEN, code('a'.repeat(33)), NOW)).toBeUndefined();
    expect(readCredential('code', TOKEN, code('No Name'), NOW)).toBeUndefined();
  });

  it('is as long for the network default as one of before there were several', () => {
    const bytes = Buffer.from(makeCode(TOKEN, VIEWER, clock, systemRandom), 'base64url');
    expect(bytes).toHaveLength(6 + 1 + 9 + 32);
    expect(readCredential('code', TOKEN, bytes.toString('base64url'), NOW)?.network).toBe('default');
  });

  it('is no good for another network by any name put into it or taken out of it', () => {
    const named = Buffer.from(makeCode(TOKEN, { role: 'viewer', network: 'ab' }, clock, systemRandom), 'base64url');
    const at = 6 + 1 + 9;
    for (const name of ['', 'a', 'b', 'ba', 'abc']) {
      const forged = Buffer.concat([named.subarray(0, at), Buffer.from(name), named.subarray(at + 2)]);
      expect(readCredential('code', TOKEN, forged.toString('base64url'), NOW)).toBeUndefined();
    }
  });
});

describe('a login', () => {
  it('is another each time, and good until it expires', () => {
    const [one, two] = [1, 2].map(() => makeLogin(TOKEN, VIEWER, NOW + 10, systemRandom));
    expect(one).not.toBe(two);
    expect(readCredential('login', TOKEN, one, NOW)?.role).toBe('viewer');
    expect(readCredential('login', TOKEN, one, NOW + 10)).toBeUndefined();
  });
});
