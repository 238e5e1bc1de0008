import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Fault } from '../../../src/core/model/fault.js';
import { IssuerKeys } from '../../../src/trust/oidc/issuer-keys.js';
import { DEFAULT_ISSUER_LIMITS } from '../../../src/trust/oidc/limits.js';

const ISSUER = 'https://login.example/tenant';
const { freshMs, keptMs, retryMs, fetchMsMax, documentBytesMax } = DEFAULT_ISSUER_LIMITS;
const DISCOVERY = { issuer: ISSUER, jwks_uri: 'https://keys.example/set' };

/** Keys of an issuer whose documents the test says. */
function keysOf() {
  const clock = new ManualClock();
  const said = { discovery: DISCOVERY as unknown, keys: { keys: [{ kid: 'one' }] } as unknown, isAway: false };
  const asked: string[] = [];
  const warnings: string[] = [];
  const fetch = async (url: string, { bytesMax, signal }: { readonly bytesMax: number; signal: AbortSignal }) => {
    asked.push(url);
    expect(bytesMax).toBe(documentBytesMax);
    signal.throwIfAborted();
    if (said.isAway) throw new Error('refused');
    return url.endsWith('openid-configuration') ? said.discovery : said.keys;
  };
  const warn = (_message: string, error: unknown) => void warnings.push((error as Error).message);
  const keys = new IssuerKeys({ clock, fetch, limits: DEFAULT_ISSUER_LIMITS, warn });
  return { clock, said, asked, warnings, keys, fetch };
}

describe('the keys of an issuer', () => {
  it('are found by its discovery document, once for all who ask at the same time', async () => {
    const { keys, asked } = keysOf();
    const all = await Promise.all([keys.get(ISSUER), keys.get(ISSUER), keys.get(ISSUER)]);
    expect(all).toEqual([{ keys: [{ kid: 'one' }] }, { keys: [{ kid: 'one' }] }, { keys: [{ kid: 'one' }] }]);
    expect(asked).toEqual([`${ISSUER}/.well-known/openid-configuration`, 'https://keys.example/set']);
  });

  it('are used for ten minutes without asking, and then while they are asked for again', async () => {
    const { keys, asked, clock, said } = keysOf();
    await keys.get(ISSUER);
    clock.advance(freshMs - 1);
    await keys.get(ISSUER);
    expect(asked).toHaveLength(2);
    said.keys = { keys: [{ kid: 'two' }] };
    clock.advance(1);
    expect(await keys.get(ISSUER)).toEqual({ keys: [{ kid: 'one' }] });
    await new Promise(setImmediate);
    expect(await keys.get(ISSUER)).toEqual({ keys: [{ kid: 'two' }] });
    expect(asked).toHaveLength(4);
  });

  it('are used for an hour while the issuer is away, and then refused until it is back', async () => {
    const { keys, clock, said, warnings } = keysOf();
    await keys.get(ISSUER);
    said.isAway = true;
    clock.advance(keptMs - 1);
    expect(await keys.get(ISSUER)).toEqual({ keys: [{ kid: 'one' }] });
    await new Promise(setImmediate);
    clock.advance(1);
    const refused = await keys.get(ISSUER);
    expect(refused).toMatchObject({ reason: 'ISSUER_UNAVAILABLE', retryAfterMs: retryMs - 1 });
    expect((refused as Fault).message).toContain('older than 60 minutes');
    expect(warnings).toEqual(['refused']);
    said.isAway = false;
    clock.advance(retryMs);
    expect(await keys.get(ISSUER)).toEqual({ keys: [{ kid: 'one' }] });
  });

  it('are asked for every ten seconds at most, whatever tokens of unknown keys come', async () => {
    const { keys, clock, asked, said } = keysOf();
    const first = await keys.get(ISSUER);
    if (first instanceof Fault) throw new Error(first.message);
    for (let at = 0; at < 100; at++) expect(await keys.getOther(ISSUER, first)).toBeUndefined();
    expect(asked).toHaveLength(2);
    said.keys = { keys: [{ kid: 'two' }] };
    clock.advance(retryMs);
    expect(await Promise.all([keys.getOther(ISSUER, first), keys.getOther(ISSUER, first)])).toEqual([
      { keys: [{ kid: 'two' }] },
      { keys: [{ kid: 'two' }] },
    ]);
    expect(asked).toHaveLength(4);
  });

  it('are unknown, and not absent, where a token has another key and the issuer is away', async () => {
    const { keys, clock, said } = keysOf();
    const first = await keys.get(ISSUER);
    if (first instanceof Fault) throw new Error(first.message);
    said.isAway = true;
    clock.advance(retryMs);
    expect(await keys.getOther(ISSUER, first)).toMatchObject({ reason: 'ISSUER_UNAVAILABLE' });
    expect(await keys.get(ISSUER)).toBe(first);
  });

  it.each<[string, object, RegExp]>([
    ['a document of another issuer', { discovery: { ...DISCOVERY, issuer: 'https://evil.example' } }, /evil/],
    ['keys in plain text', { discovery: { ...DISCOVERY, jwks_uri: 'http://keys.example' } }, /no https URL/],
    ['no document', { discovery: null }, /is of undefined/],
    ['no set of keys', { keys: [] }, /no JSON Web Key Set/],
    ['101 keys', { keys: { keys: Array.from({ length: 101 }, () => ({})) } }, /101 keys; 100 are the limit/],
  ])('are refused when the issuer answers with %s', async (_, answers, why) => {
    const { keys, said, warnings } = keysOf();
    Object.assign(said, answers);
    const refused = await keys.get(ISSUER);
    expect(refused).toMatchObject({ reason: 'ISSUER_UNAVAILABLE', retryAfterMs: retryMs });
    expect((refused as Fault).message).toBe(`the keys of ${ISSUER} cannot be fetched`);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(why);
  });

  it('are given up when the issuer does not answer within five seconds', async () => {
    const clock = new ManualClock();
    const warnings: unknown[] = [];
    const fetch = (_url: string, { signal }: { readonly signal: AbortSignal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const warn = (_message: string, error: unknown) => void warnings.push(error);
    const keys = new IssuerKeys({ clock, fetch, limits: DEFAULT_ISSUER_LIMITS, warn });
    const asked = keys.get(ISSUER);
    clock.advance(fetchMsMax);
    expect(await asked).toMatchObject({ reason: 'ISSUER_UNAVAILABLE' });
    expect(warnings).toEqual([new Error('no answer in 5000 ms')]);
  });
});
