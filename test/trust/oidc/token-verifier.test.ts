import { describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { ManualClock } from '../../../harness/manual-clock.js';
import type { Issuer } from '../../../src/core/model/trust/policy.js';
import { claimRoles } from '../../../src/trust/oidc/claim-roles.js';
import { IssuerKeys } from '../../../src/trust/oidc/issuer-keys.js';
import { DEFAULT_ISSUER_LIMITS } from '../../../src/trust/oidc/limits.js';
import { subjectUuid } from '../../../src/trust/oidc/subject-uuid.js';
import { TokenVerifier } from '../../../src/trust/oidc/token-verifier.js';
import { type IssuerKey, keySet, makeKey, signToken, type TokenParts } from './issuer.js';

const URL = 'https://login.example';
const ROW: Issuer = {
  issuer: URL,
  audience: ['switchyard', 'switchyard-cli'],
  algorithms: ['ES256', 'EdDSA', 'RS256'],
  typ: 'jwt',
  kind: 'person',
  roles: [],
};
const NOW_S = 1_700_000_000;
const { skewMs, tokenLengthMax, retryMs } = DEFAULT_ISSUER_LIMITS;
const SKEW_S = skewMs / 1_000;

/** A verifier of the tokens of one issuer, which has these keys. */
function verifierOf(keys: IssuerKey[], row: Issuer = ROW) {
  const clock = new ManualClock();
  const said = { keys };
  const fetch = async (url: string) =>
    url.endsWith('/jwks') ? keySet(said.keys) : { issuer: URL, jwks_uri: `${URL}/jwks` };
  const limits = DEFAULT_ISSUER_LIMITS;
  const verifier = new TokenVerifier({ clock, keys: new IssuerKeys({ clock, fetch, limits, warn() {} }), limits });
  return { clock, said, verify: (token: string) => verifier.verify(token, [row]) };
}

describe('a token of an issuer', () => {
  const key = makeKey('first');

  it.each(['ES256', 'EdDSA', 'RS256'])('that is signed by %s is good, with what it says', async (alg) => {
    const signer = makeKey('k', alg);
    const { verify } = verifierOf([signer]);
    const claims = { groups: ['ops'], aud: ['other', 'switchyard-cli'] };
    const found = await verify(await signToken(URL, signer, { claims }));
    expect(found).toMatchObject({ issuer: ROW, subject: 'anna', claims, issuedAtMs: NOW_S * 1_000 });
    expect(found).toMatchObject({ untilMs: (NOW_S + 300 + SKEW_S) * 1_000 });
  });

  it.each<[string, TokenParts, RegExp]>([
    ['has expired', { claims: { exp: NOW_S - SKEW_S } }, /it has expired/],
    ['was issued in the future', { claims: { iat: NOW_S + SKEW_S + 1 } }, /claim iat/],
    ['is not good yet', { claims: { nbf: NOW_S + SKEW_S + 1 } }, /claim nbf/],
    ['is older than a day', { claims: { iat: NOW_S - 86_400 - SKEW_S - 1 } }, /issued too long ago/],
    ['is for somebody else', { claims: { aud: 'another' } }, /claim aud/],
    ['is for nobody', { claims: { aud: undefined } }, /claim aud is missing/],
    ['has no end', { claims: { exp: undefined } }, /claim exp is missing/],
    ['has no subject', { claims: { sub: undefined } }, /claim sub is missing/],
    ['has an empty subject', { claims: { sub: '' } }, /subject is not/],
    ['has a subject of 256 characters', { claims: { sub: 'x'.repeat(256) } }, /subject is not/],
    ['is of another type', { header: { typ: 'at+jwt' } }, /of the type "at\+jwt"; jwt is taken/],
    ['is of another issuer', { claims: { iss: 'https://evil.example' } }, /none of the policy/],
    ['names no critical part that is known', { header: { crit: ['x'], x: 1 } as object }, /not of a form/],
  ])('that %s is refused', async (_, parts, why) => {
    const { verify } = verifierOf([key]);
    const token = await signToken(URL, key, parts).catch(async () => {
      // jose does not sign what it does not know.
      const head = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'first', ...parts.header })).toString('base64url');
      return (await signToken(URL, key)).replace(/^[^.]+/, head);
    });
    const refused = await verify(token);
    expect(refused).toMatchObject({ reason: 'PROOF_INVALID', message: expect.stringMatching(why) as unknown });
  });

  it('that says that it is good for a month is good for a day', async () => {
    const { verify } = verifierOf([key]);
    const claims = { iat: NOW_S - 3_600, exp: NOW_S + 30 * 86_400 };
    const untilMs = (NOW_S - 3_600 + 86_400 + SKEW_S) * 1_000;
    expect(await verify(await signToken(URL, key, { claims }))).toMatchObject({ untilMs });
  });

  it('is good with clocks that are a minute apart', async () => {
    const { verify } = verifierOf([key]);
    for (const claims of [{ exp: NOW_S - SKEW_S + 1 }, { iat: NOW_S + SKEW_S, nbf: NOW_S + SKEW_S }]) {
      expect(await verify(await signToken(URL, key, { claims }))).toMatchObject({ subject: 'anna' });
    }
  });

  it('is refused when its algorithm is none, a shared secret, or not in the list of the policy', async () => {
    const good = await signToken(URL, key);
    const [, payload] = good.split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    const { verify } = verifierOf([key], { ...ROW, algorithms: ['RS256'] });
    const secret = key.publicKey.export({ type: 'spki', format: 'der' });
    const shared = await new SignJWT({ iss: URL, sub: 'anna', aud: 'switchyard' })
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(secret);
    for (const token of [good, none, shared]) {
      expect(await verify(token)).toMatchObject({
        reason: 'PROOF_INVALID',
        message: expect.stringMatching(/algorithm|form/) as unknown,
      });
    }
  });

  it('is refused with a changed claim, with another signature, cut short, or no token at all', async () => {
    const { verify } = verifierOf([key]);
    const [head, , signature] = (await signToken(URL, key)).split('.');
    const [, other] = (await signToken(URL, key, { claims: { sub: 'root' } })).split('.');
    const foreign = await signToken(URL, { ...makeKey('first'), kid: 'first' });
    const all = [`${head}.${other}.${signature}`, foreign, `${head}.${other}`, 'x', '..', ''];
    for (const token of all) expect(await verify(token)).toMatchObject({ reason: 'PROOF_INVALID' });
    expect(await verify('x'.repeat(tokenLengthMax + 1))).toMatchObject({
      reason: 'PROOF_INVALID',
      message: expect.stringContaining('8193 characters; 8192') as unknown,
    });
  });

  it('is good by a new key of its issuer, and one of a key that was withdrawn is not', async () => {
    const { verify, said, clock } = verifierOf([key]);
    expect(await verify(await signToken(URL, key))).toMatchObject({ subject: 'anna' });
    const next = makeKey('second');
    said.keys = [next];
    const token = await signToken(URL, next);
    // Asked a moment ago: the refusal says when to come again.
    expect(await verify(token)).toMatchObject({ reason: 'PROOF_INVALID', retryAfterMs: retryMs });
    clock.advance(retryMs);
    expect(await verify(token)).toMatchObject({ subject: 'anna' });
    expect(await verify(await signToken(URL, key))).toMatchObject({ reason: 'PROOF_INVALID' });
  });

  it('is refused by name of the policy where that has no issuers', async () => {
    const { clock } = verifierOf([]);
    const keys = new IssuerKeys({ clock, fetch: async () => ({}), limits: DEFAULT_ISSUER_LIMITS, warn() {} });
    const verifier = new TokenVerifier({ clock, keys, limits: DEFAULT_ISSUER_LIMITS });
    expect(await verifier.verify('a.b.c', [])).toMatchObject({
      reason: 'PROOF_INVALID',
      message: expect.stringContaining('takes no tokens of issuers') as unknown,
    });
  });

  it('of more than 256 that wait for the keys of one issuer is refused for a while', async () => {
    const clock = new ManualClock();
    const keys = { get: () => new Promise<never>(() => {}), getOther: async () => undefined, retryMs: () => 0 };
    const verifier = new TokenVerifier({ clock, keys, limits: DEFAULT_ISSUER_LIMITS });
    const token = await signToken(URL, key);
    for (let at = 0; at < 256; at++) void verifier.verify(token, [ROW]);
    expect(await verifier.verify(token, [ROW])).toMatchObject({ reason: 'RATE_LIMITED', retryAfterMs: 1_000 });
  });
});

describe('the roles of a token', () => {
  const rules = [
    { claim: ['groups'], has: 'ops', roles: ['operator', 'client'] },
    { claim: ['realm', 'roles'], has: 'admin', roles: ['admin'] },
    { claim: ['team'], has: 'red', roles: ['client'] },
  ];

  it.each<[object, string[]]>([
    [{ groups: ['dev', 'ops'] }, ['operator', 'client']],
    [{ groups: 'ops', team: 'red' }, ['operator', 'client']],
    [{ realm: { roles: ['admin'] }, team: 'red' }, ['admin', 'client']],
    [{ groups: 'operations', team: ['blue'], realm: 'admin' }, []],
    [{ groups: { ops: true }, realm: null }, []],
    [{}, []],
  ])('of %j are %j', (claims, roles) => {
    expect(claimRoles(rules, claims as Record<string, unknown>)).toEqual(roles);
  });

  it('of everybody are those of a rule without a claim, and no inherited name is a claim', () => {
    expect(claimRoles([{ claim: [], has: '', roles: ['client'] }], {})).toEqual(['client']);
    const inherited = { claim: ['constructor', 'name'], has: 'Object', roles: ['admin'] };
    expect(claimRoles([inherited], {})).toEqual([]);
  });
});

describe('the identity of a subject', () => {
  it('is the same for ever, and another for another network, issuer or subject', () => {
    const uuid = subjectUuid('default', URL, 'anna');
    expect(uuid).toBe('31da86a2-4c65-551c-8411-cd1081c5693a');
    const others = [
      subjectUuid('other', URL, 'anna'),
      subjectUuid('default', `${URL}/`, 'anna'),
      subjectUuid('default', URL, 'bert'),
    ];
    expect(new Set([uuid, ...others]).size).toBe(4);
  });
});
