import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '../../src/client/system.js';
import { makeCode, makeFamily, makeLogin, readCode, readLogin } from '../../src/console/credentials.js';
import { CONSOLE_LIMITS } from '../../src/console/limits.js';

const TOKEN = 'an-administrator-of-tests';
const NOW = 1_790_000_000_000;
const VIEWER = { role: 'viewer', network: 'default' } as const;
const clock = { wallMs: () => NOW };

/** Reads a code where no identity has a token. */
function read(token: string, code: string, atMs: number) {
  return readCode(token, code, atMs, () => []);
}

describe('a code', () => {
  it('says who somebody is until its minute is over', () => {
    const code = makeCode(TOKEN, { role: 'administrator', network: 'default' }, clock, systemRandom);
    const expiresMs = NOW + CONSOLE_LIMITS.codeMs;
    expect(read(TOKEN, code, NOW)).toMatchObject({ role: 'administrator', expiresMs });
    expect(read(TOKEN, code, expiresMs - 1)).toBeDefined();
    expect(read(TOKEN, code, expiresMs)).toBeUndefined();
  });

  it('of a clock that is ahead is not good for longer', () => {
    const code = makeCode(TOKEN, VIEWER, { wallMs: () => NOW + 1 }, systemRandom);
    expect(read(TOKEN, code, NOW)).toBeUndefined();
  });

  it('is no code with any of its bits turned, of another token, or as a login', () => {
    const code = Buffer.from(makeCode(TOKEN, VIEWER, clock, systemRandom), 'base64url');
    for (let bit = 0; bit < 8 * code.length; bit++) {
      const turned = Buffer.from(code);
      turned[bit >> 3] ^= 1 << (bit & 7);
      expect(read(TOKEN, turned.toString('base64url'), NOW)).toBeUndefined();
    }
    expect(read('another-administrator', code.toString('base64url'), NOW)).toBeUndefined();
    expect(readLogin(TOKEN, code.toString('base64url'), NOW)).toBeUndefined();
    expect(read(TOKEN, '', NOW)).toBeUndefined();
  });
});

describe('a code or login of a network', () => {
  it('says which network it is for, and none that has no such name', () => {
    const code = (network: string) => makeCode(TOKEN, { role: 'viewer', network }, clock, systemRandom);
    expect(read(TOKEN, code('north'), NOW)?.network).toBe('north');
    expect(read(TOKEN, code('a'.repeat(32)), NOW)?.network).toBe('a'.repeat(32));
    expect(read(TOKEN, code('a'.repeat(33)), NOW)).toBeUndefined();
    expect(read(TOKEN, code('No Name'), NOW)).toBeUndefined();
  });

  it('is as long for the network default as one of before there were several', () => {
    const bytes = Buffer.from(makeCode(TOKEN, VIEWER, clock, systemRandom), 'base64url');
    expect(bytes).toHaveLength(6 + 1 + 9 + 32);
    expect(read(TOKEN, bytes.toString('base64url'), NOW)?.network).toBe('default');
  });

  it('is no good for another network by any name put into it or taken out of it', () => {
    const named = Buffer.from(makeCode(TOKEN, { role: 'viewer', network: 'ab' }, clock, systemRandom), 'base64url');
    const at = 6 + 1 + 9;
    for (const name of ['', 'a', 'b', 'ba', 'abc']) {
      const forged = Buffer.concat([named.subarray(0, at), Buffer.from(name), named.subarray(at + 2)]);
      expect(read(TOKEN, forged.toString('base64url'), NOW)).toBeUndefined();
    }
  });
});

describe('a login', () => {
  const login = { ...VIEWER, family: makeFamily(systemRandom), expiresMs: NOW + 10, endsMs: NOW + 20 };

  it('is another each time, and good until it expires', () => {
    const [one, two] = [1, 2].map(() => makeLogin(TOKEN, login, systemRandom));
    expect(one).not.toBe(two);
    expect(readLogin(TOKEN, one, NOW)).toEqual({ ...login, identity: undefined });
    expect(readLogin(TOKEN, one, NOW + 10)).toBeUndefined();
  });

  it('says of which identity and key it is, when that was bound, and in which network', () => {
    const identity = { uuid: '00000000-0000-4000-9000-000000000001', keyId: 'k'.repeat(32), boundAtMs: NOW - 5 };
    const own = { ...login, role: 'identity', network: 'north', identity } as const;
    expect(readLogin(TOKEN, makeLogin(TOKEN, own, systemRandom), NOW)).toEqual(own);
  });

  it('is none with any of its bits turned', () => {
    const bytes = Buffer.from(makeLogin(TOKEN, login, systemRandom), 'base64url');
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const turned = Buffer.from(bytes);
      turned[bit >> 3] ^= 1 << (bit & 7);
      expect(readLogin(TOKEN, turned.toString('base64url'), NOW)).toBeUndefined();
    }
  });
});
