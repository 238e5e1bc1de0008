import { hash } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { systemRandom } from '../../src/client/system.js';
import type { CodeSecret, ConsoleUser, Standing } from '../../src/console/calls-port.js';
import { makeCode, makeIdentityCode } from '../../src/console/credentials.js';
import { CONSOLE_LIMITS } from '../../src/console/limits.js';
import { type LoginOutcome, Logins } from '../../src/console/logins.js';

const TOKEN = 'an-administrator-of-tests';
const HOUR_MS = 3_600_000;
const ADDRESS = '192.0.2.1';
const OBSERVES: Standing = { name: '', roles: [], may: ['graph.read'], mode: 'required' };

let clock: ManualClock;
let secret: Omit<CodeSecret, 'secret'>;
let logins: Logins;

beforeEach(() => {
  clock = new ManualClock();
  secret = { keyId: 'k'.repeat(32), boundAtMs: 1 };
  logins = make();
});

function make(limits = CONSOLE_LIMITS): Logins {
  const codeSecrets = (_network: string, uuid: string) => [{ ...secret, secret: digestOf(accessOf(uuid)) }];
  const calls = { standing: () => OBSERVES, codeSecrets };
  return new Logins({ clock, random: systemRandom, limits, adminToken: TOKEN, calls });
}

function uuidOf(number: number): string {
  return `00000000-0000-4000-9000-${String(number).padStart(12, '0')}`;
}

function accessOf(uuid: string): string {
  return `access-${uuid}`;
}

function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function byIdentity(number = 1): LoginOutcome {
  const uuid = uuidOf(number);
  return logins.byCode(makeIdentityCode(accessOf(uuid), { uuid, network: 'default' }, clock, systemRandom), ADDRESS);
}

function byToken(role: ConsoleUser['role'] = 'viewer'): LoginOutcome {
  return logins.byCode(makeCode(TOKEN, { role, network: 'default' }, clock, systemRandom), ADDRESS);
}

function textOf(outcome: LoginOutcome): string {
  if ('refusal' in outcome) throw new Error(outcome.refusal);
  return outcome.login;
}

/** Opens the page with a login; answers with the one that it gets, undefined when it is over. */
function renewed(text: string): string | undefined {
  const login = logins.read(text);
  return login && logins.renew(login);
}

/** How long somebody who opens the page each half hour stays logged in. */
function lastsMs(text: string): number {
  const since = clock.wallMs();
  let login: string | undefined = text;
  while (login !== undefined && clock.wallMs() - since < 2 * CONSOLE_LIMITS.loginInAllMs) {
    clock.advance(HOUR_MS / 2);
    login = renewed(login);
  }
  return clock.wallMs() - since;
}

describe('a login that is renewed again and again', () => {
  it('ends a week after its code was taken', () => {
    expect(lastsMs(textOf(byIdentity()))).toBe(CONSOLE_LIMITS.loginInAllMs);
    expect(lastsMs(textOf(byToken()))).toBe(CONSOLE_LIMITS.loginInAllMs);
    expect(lastsMs(textOf(logins.byToken(TOKEN, 'default', ADDRESS)))).toBe(CONSOLE_LIMITS.loginInAllMs);
  });

  it('ends with the access token of its code where an issuer or an authority vouches for its identity', () => {
    secret = { ...secret, leftMs: HOUR_MS };
    expect(lastsMs(textOf(byIdentity()))).toBe(HOUR_MS);
  });

  it('ends when it is not opened for twelve hours', () => {
    const login = textOf(byIdentity());
    clock.advance(CONSOLE_LIMITS.loginMs);
    expect(logins.read(login)).toBeUndefined();
  });
});

describe('a logout', () => {
  it('ends what the login was renewed from and to', () => {
    const first = textOf(byIdentity());
    const second = renewed(first)!;
    const third = renewed(second)!;
    logins.end(logins.read(second)!);
    expect([first, second, third].map((text) => logins.read(text))).toEqual([undefined, undefined, undefined]);
    expect(logins.read(textOf(byIdentity()))).toBeDefined();
  });

  it('of an administrator is not forgotten by any number of logouts of identities, nor that of another identity', () => {
    logins = make({ ...CONSOLE_LIMITS, codesUsedMax: 10_000, codesPerIdentityMax: 10_000 });
    const ended = [textOf(byToken('administrator')), textOf(byIdentity(1))];
    for (const login of ended) logins.end(logins.read(login)!);
    const { logoutsMax, logoutsPerIdentityMax } = CONSOLE_LIMITS;
    // Each takes up all that it may, and together they take more than there is.
    for (let number = 2; number < 4 + logoutsMax / logoutsPerIdentityMax; number++) {
      for (let logout = 0; logout <= logoutsPerIdentityMax; logout++) {
        logins.end(logins.read(textOf(byIdentity(number)))!);
      }
    }
    expect(ended.map((login) => logins.read(login))).toEqual([undefined, undefined]);
  });
});

describe('a logout where no more are remembered', () => {
  it('takes the place of the oldest of its own identity where another one has as many', () => {
    logins = make({ ...CONSOLE_LIMITS, logoutsMax: 4 });
    const ofOne = [textOf(byIdentity(1)), textOf(byIdentity(1))];
    const ofOther = [textOf(byIdentity(2)), textOf(byIdentity(2)), textOf(byIdentity(2))];
    for (const login of [...ofOne, ...ofOther]) logins.end(logins.read(login)!);
    expect(ofOne.map((login) => logins.read(login))).toEqual([undefined, undefined]);
    expect(ofOther.map((login) => logins.read(login) === undefined)).toEqual([false, true, true]);
  });
});

describe('codes that were used', () => {
  it('are bounded for each identity and for all together, and leave room for administrators and viewers', () => {
    const { codesUsedMax, codesPerIdentityMax } = CONSOLE_LIMITS;
    for (let number = 0; number < codesUsedMax / codesPerIdentityMax; number++) {
      for (let code = 0; code < codesPerIdentityMax; code++) expect(byIdentity(number)).toHaveProperty('login');
      expect(byIdentity(number)).toEqual({ refusal: 'tooOften' });
    }
    expect(byIdentity(10_000)).toEqual({ refusal: 'tooOften' });
    for (let code = 0; code < codesUsedMax; code++) expect(byToken()).toHaveProperty('login');
    expect(byToken()).toEqual({ refusal: 'tooOften' });
    clock.advance(CONSOLE_LIMITS.codeMs);
    expect([byIdentity(1), byToken()]).toMatchObject([{ login: expect.any(String) }, { login: expect.any(String) }]);
  });
});
