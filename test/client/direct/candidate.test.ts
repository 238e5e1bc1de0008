import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CandidateType, candidate, ordered } from '../../../src/client/direct/candidate.js';
import { CheckKind, decodeCheck, encodeCheck } from '../../../src/client/direct/check.js';
import { PUNCH_LIMITS } from '../../../src/client/direct/limits.js';

const at = (host: string, port = 9) => ({ host, port });
const { HOST, REFLEXIVE, RELAY } = CandidateType;

describe('candidates', () => {
  it('have the priority of RFC 8445, section 5.1.2.1', () => {
    expect(candidate(HOST, at('2001:db8::1'), 0).priority).toBe(126 * 2 ** 24 + 65_535 * 2 ** 8 + 255);
    expect(candidate(REFLEXIVE, at('192.0.2.1'), 1).priority).toBe(100 * 2 ** 24 + 32_766 * 2 ** 8 + 255);
  });

  it('are tried own addresses first, IPv6 first among those', () => {
    const candidates = [
      candidate(REFLEXIVE, at('2001:db8::9'), 0),
      candidate(HOST, at('10.0.0.1'), 0),
      candidate(HOST, at('2001:db8::1'), 1),
    ];
    expect(ordered(candidates).map(({ host }) => host)).toEqual(['2001:db8::1', '10.0.0.1', '2001:db8::9']);
  });

  it('that cannot be dialled are left out, as is what stands there twice', () => {
    const candidates = [
      candidate(HOST, at('2001:DB8:0::1'), 0),
      candidate(HOST, at('2001:db8::1'), 1),
      candidate(HOST, at('example.org'), 2),
      candidate(HOST, at('10.0.0.1', 0), 3),
      candidate(HOST, at('10.0.0.1', 65_536), 3),
      candidate(RELAY, at('10.0.0.2'), 4),
    ];
    expect(ordered(candidates).map(({ host }) => host)).toEqual(['2001:db8::1']);
  });

  it('are bounded in number', () => {
    const candidates = Array.from({ length: 100 }, (_, i) => candidate(HOST, at('10.0.0.1', i + 1), i));
    expect(ordered(candidates)).toHaveLength(PUNCH_LIMITS.candidatesMax);
  });
});

describe('a check', () => {
  const nonce = Buffer.from('0123456789abcdef');

  it('has the bytes of the diagram', () => {
    expect(encodeCheck({ kind: CheckKind.OPEN, nonce, token: 3 }).toString('latin1')).toBe(
      'SYCK\x030123456789abcdef\0\0\0\x03',
    );
  });

  it('comes back as it was', () => {
    const kinds = fc.constantFrom(...Object.values(CheckKind));
    fc.assert(
      fc.property(kinds, fc.nat({ max: 0xffffffff }), (kind, token) => {
        expect(decodeCheck(encodeCheck({ kind, nonce, token }), nonce)).toEqual({ kind, nonce, token });
      }),
    );
  });

  it.each([
    ['of another connection', encodeCheck({ kind: 1, nonce: Buffer.alloc(16), token: 0 })],
    ['of a kind that there is not', Buffer.from('SYCK\x090123456789abcdef\0\0\0\0')],
    ['cut short', encodeCheck({ kind: 1, nonce, token: 0 }).subarray(0, 24)],
    ['with something behind it', Buffer.concat([encodeCheck({ kind: 1, nonce, token: 0 }), Buffer.from('!')])],
    ['without its mark', Buffer.from('SYCX\x010123456789abcdef\0\0\0\0')],
    ['without anything', Buffer.alloc(0)],
  ])('%s is none', (_, bytes) => {
    expect(decodeCheck(bytes, nonce)).toBeUndefined();
  });
});
