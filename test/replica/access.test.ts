import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '../../src/client/system.js';
import { ACCESS_LIMITS, AccessTokens } from '../../src/replica/access/access-tokens.js';
import { ShownIdentities } from '../../src/replica/access/shown-identities.js';

describe('access tokens', () => {
  it('are good for an hour, and of one identity the oldest of 33 goes', () => {
    let nowMs = 0;
    const tokens = new AccessTokens({ clock: { nowMs: () => nowMs }, random: systemRandom });
    const of = { uuid: 'u', keyId: 'k' };
    const first = tokens.issue(of)!;
    expect(first).toMatch(/^swa1_[\w-]{32}$/);
    expect(tokens.find(first)).toMatchObject(of);
    expect(tokens.find(`${first}x`)).toBeUndefined();
    nowMs = ACCESS_LIMITS.validMs - 1;
    expect(tokens.find(first)).toMatchObject(of);
    nowMs++;
    expect(tokens.find(first)).toBeUndefined();
    const others = Array.from({ length: ACCESS_LIMITS.perIdentityMax + 1 }, () => tokens.issue(of)!);
    expect(tokens.count).toBe(ACCESS_LIMITS.perIdentityMax);
    expect(others.map((token) => tokens.find(token) !== undefined)).toEqual(others.map((_, at) => at > 0));
  });

  it('end for good with the key by which they were given or lent, and those by another key of the identity do not', () => {
    const tokens = new AccessTokens({ clock: { nowMs: () => 0 }, random: systemRandom });
    const make = (uuid: string, keyId: string) => [tokens.issue({ uuid, keyId })!, tokens.lend({ uuid, keyId })];
    const [ended, kept] = [make('u', 'k1'), [...make('u', 'k2'), ...make('v', 'k1')]];
    tokens.endUnless('u', (keyId) => keyId !== 'k1');
    tokens.endUnless('w', () => false);
    expect([...ended, ...kept].map((token) => tokens.find(token) !== undefined)).toEqual([
      false,
      false,
      ...kept.map(() => true),
    ]);
    expect(tokens.hashesOf('u').map(({ keyId }) => keyId)).toEqual(['k2']);
    tokens.endUnless('u', () => false);
    expect([tokens.hashesOf('u'), tokens.hashesOf('v').length, tokens.count]).toEqual([[], 1, 1]);
  });

  it('of all identities end with a policy that disowns their keys, each looked at once however many identities there are', () => {
    const tokens = new AccessTokens({ clock: { nowMs: () => 0 }, random: systemRandom });
    const kept = Array.from({ length: 200 }, (_, n) => tokens.issue({ uuid: `u${n}`, keyId: `k${n % 2}` })!);
    const lent = Array.from({ length: 100 }, (_, n) => tokens.lend({ uuid: `u${n}`, keyId: `k${n % 2}` }));
    let looks = 0;
    tokens.endAllUnless(({ keyId }) => {
      looks++;
      return keyId !== 'k1';
    });
    expect(looks).toBe(300);
    expect([...kept, ...lent].map((token) => tokens.find(token) !== undefined)).toEqual(
      [...kept, ...lent].map((_, at) => at % 2 === 0),
    );
    expect(tokens.count).toBe(100);
  });

  it('that are lent are looked at for their own identity only, and are gone from it when they were given back', () => {
    const tokens = new AccessTokens({ clock: { nowMs: () => 0 }, random: systemRandom });
    const [first, second] = [tokens.lend({ uuid: 'u', keyId: 'k' }), tokens.lend({ uuid: 'u', keyId: 'k' })];
    const other = tokens.lend({ uuid: 'v', keyId: 'k' });
    tokens.giveBack(first);
    const looked: string[] = [];
    tokens.endUnless('u', (keyId) => {
      looked.push(keyId);
      return false;
    });
    tokens.endUnless('u', () => {
      throw new Error('there is none');
    });
    expect(looked).toEqual(['k']);
    expect([first, second, other].map((token) => tokens.find(token)?.uuid)).toEqual([undefined, undefined, 'v']);
  });

  it('of the process are an observer, and are no identity', () => {
    const tokens = new AccessTokens({ clock: { nowMs: () => 0 }, random: systemRandom });
    expect(tokens.find(tokens.ofProcess())).toEqual({ uuid: '', keyId: '', roles: ['observer'] });
    expect(tokens.ofProcess()).toBe(tokens.ofProcess());
  });
});

describe('identities that have shown themselves', () => {
  const shownAt = (clock = { nowMs: () => 0 }, isByConnection = true) => new ShownIdentities({ clock, isByConnection });

  it('count on their connection until it is closed, and another one with its name begins anew', () => {
    const shown = shownAt();
    expect(shown.add('127.0.0.1:1', 'a')).toBe(true);
    expect(shown.add('127.0.0.1:1', 'a')).toBe(true);
    expect(shown.has('127.0.0.1:1', 'a')).toBe(true);
    expect(shown.has('127.0.0.1:2', 'a')).toBe(false);
    expect(shown.count).toBe(1);
    shown.forget('127.0.0.1:1');
    expect(shown.has('127.0.0.1:1', 'a')).toBe(false);
    expect(shown.count).toBe(0);
  });

  it('count until the word of others ends, the later of two, and a proof has no end', () => {
    let nowMs = 0;
    const shown = shownAt({ nowMs: () => nowMs });
    shown.add('c', 'a', 2_000);
    shown.add('c', 'a', 1_000);
    shown.add('c', 'b', 1_000);
    shown.add('c', 'b');
    nowMs = 1_999;
    expect([shown.has('c', 'a'), shown.has('c', 'b')]).toEqual([true, true]);
    nowMs = 2_000;
    expect([shown.has('c', 'a'), shown.has('c', 'b')]).toEqual([false, true]);
    shown.add('c', 'a', 3_000);
    expect(shown.has('c', 'a')).toBe(true);
    expect(shown.count).toBe(2);
  });

  it('count everywhere where sessions are not bound to connections', () => {
    const shown = shownAt(undefined, false);
    shown.add('c', 'a', 1);
    expect(shown.has('d', 'a')).toBe(true);
    shown.forget('c');
    expect(shown.has('d', 'a')).toBe(true);
  });

  it('are bounded on one connection, and those that have ended make room', () => {
    let nowMs = 0;
    const shown = shownAt({ nowMs: () => nowMs });
    for (let number = 0; number < 16_384; number++) expect(shown.add('c', String(number), 1_000 + number)).toBe(true);
    expect(shown.add('c', 'one more')).toBe(false);
    expect(shown.add('d', 'one more')).toBe(true);
    nowMs = 1_001;
    expect(shown.add('c', 'one more')).toBe(true);
    expect(shown.add('c', 'two more')).toBe(true);
    expect(shown.add('c', 'three more')).toBe(false);
    expect(shown.count).toBe(16_385);
  });
});
