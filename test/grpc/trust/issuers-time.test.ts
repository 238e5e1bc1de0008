import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { systemClock } from '../../../src/client/system.js';
import { DEFAULT_ISSUER_LIMITS } from '../../../src/trust/oidc/limits.js';
import { subjectUuid } from '../../../src/trust/oidc/subject-uuid.js';
import { makeKey, TestIssuer } from '../../trust/oidc/issuer.js';
import { agent, asAdmin, asHeaders, ask, asSession, open, type Running, refused, run } from '../running.js';

/** How long a token is good here. */
const TOKEN_MS = 300_000 + DEFAULT_ISSUER_LIMITS.skewMs;

let issuer: TestIssuer;
let at: Running;
let skippedMs = 0;
let waiting: { readonly atMs: number; readonly call: () => void }[] = [];
const clients: Client[] = [];

/** The machine's time and what a test has skipped of it; timers of minutes go off when a test skips them. */
const clock = {
  ...systemClock,
  nowMs: () => systemClock.nowMs() + skippedMs,
  wallMs: () => systemClock.wallMs() + skippedMs,
  after(delayMs: number, call: () => void) {
    if (delayMs < 100_000) return systemClock.after(delayMs, call);
    const timer = { atMs: this.nowMs() + delayMs, call };
    waiting.push(timer);
    return {
      cancel() {
        waiting = waiting.filter((one) => one !== timer);
      },
    };
  },
};

function skip(ms: number) {
  skippedMs += ms;
  const due = waiting.filter(({ atMs }) => atMs <= clock.nowMs());
  waiting = waiting.filter((one) => !due.includes(one));
  for (const { call } of due) call();
}

async function start(flags: Record<string, string> = {}) {
  at = await run({ auth: 'required', 'oidc-ca': issuer.authorityFile, ...flags }, { clock });
  const issuers = [{ issuer: issuer.url, audience: ['switchyard'], roles: [{ give: ['client'] }] }];
  const document = JSON.stringify({ auth: 'required', issuers });
  await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
}

/** Metadata with a token of Anna's of this moment. */
async function bearer(claims: object = {}, more: Record<string, string> = {}) {
  const iat = Math.floor(clock.wallMs() / 1_000);
  const token = await issuer.token({ sub: 'anna', iat, exp: iat + 300, ...claims });
  return asHeaders({ authorization: `Bearer ${token}`, ...more });
}

async function session() {
  const request = { ...agent(1), instanceUuid: subjectUuid('default', issuer.url, 'anna') };
  return (await ask(at, Sessions.session, request, await bearer())).sessionToken;
}

function anotherConnection() {
  const client = new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  clients.push(client);
  return { client };
}

beforeAll(async () => {
  issuer = await TestIssuer.start();
});
afterAll(() => issuer.stop());
beforeEach(() => {
  waiting = [];
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await at.stop();
});

describe('a session that a token of an issuer has opened', () => {
  it('counts on its connection while a token that was shown there is good, and what it has begun ends with that', async () => {
    await start();
    const token = await session();
    const attached = open(at, Sessions.attach, {}, asSession(token));
    await attached.next();
    skip(TOKEN_MS - 60_000);
    await ask(at, Sessions.keepAlive, {}, await bearer({}, { 'switchyard-session': token }));
    skip(61_000);
    await ask(at, Sessions.keepAlive, {}, asSession(token));
    skip(TOKEN_MS - 66_000);
    await ask(at, Sessions.keepAlive, {}, asSession(token));
    skip(6_000);
    expect((await attached.ending()).reason).toBe('AUTH_REQUIRED');
    expect((await refused(ask(at, Sessions.keepAlive, {}, asSession(token)))).reason).toBe('AUTH_REQUIRED');
    await ask(at, Sessions.keepAlive, {}, await bearer({}, { 'switchyard-session': token }));
    await ask(at, Sessions.keepAlive, {}, asSession(token));
  });

  it('counts on every connection where sessions are bound to none, and no longer than its token', async () => {
    await start({ 'session-binding': 'none' });
    const token = await session();
    const other = anotherConnection();
    await ask(other, Sessions.keepAlive, {}, asSession(token));
    const attached = open(other, Sessions.attach, {}, asSession(token));
    await attached.next();
    skip(TOKEN_MS);
    expect((await attached.ending()).reason).toBe('AUTH_REQUIRED');
    for (const via of [at, other, anotherConnection()]) {
      expect((await refused(ask(via, Sessions.keepAlive, {}, asSession(token)))).reason).toBe('AUTH_REQUIRED');
    }
    await ask(anotherConnection(), Sessions.keepAlive, {}, await bearer({}, { 'switchyard-session': token }));
    await ask(other, Sessions.keepAlive, {}, asSession(token));
  });
});

describe('a token of an issuer that was good', () => {
  const who = async (metadata: Awaited<ReturnType<typeof bearer>>) => ask(at, Identities.whoAmI, {}, metadata);

  it('is checked again after ten minutes, and not taken when its issuer has withdrawn the key', async () => {
    await start();
    const long = await bearer({ exp: Math.floor(clock.wallMs() / 1_000) + 30 * 86_400 });
    const before = issuer.keys;
    try {
      await who(long);
      issuer.keys = [makeKey('next')];
      skip(DEFAULT_ISSUER_LIMITS.freshMs - 10_000);
      await who(long);
      // The keys that are known are used once more while the issuer is asked.
      skip(10_000);
      const { fetches } = issuer;
      await who(long);
      while (issuer.fetches === fetches) await new Promise((resolve) => void setTimeout(resolve, 5));
      skip(DEFAULT_ISSUER_LIMITS.freshMs);
      expect((await refused(who(long))).reason).toBe('PROOF_INVALID');
    } finally {
      issuer.keys = before;
    }
  });

  it('is good for a day, whatever it says of its end', async () => {
    await start();
    const long = await bearer({ exp: Math.floor(clock.wallMs() / 1_000) + 30 * 86_400 });
    await who(long);
    skip(DEFAULT_ISSUER_LIMITS.tokenAgeMsMax - 60_000);
    await who(long);
    const watch = open(at, Sessions.watchSessions, { after: undefined, cvids: [] }, long);
    await watch.next();
    skip(121_000);
    expect((await watch.ending()).reason).toBe('AUTH_REQUIRED');
    expect((await refused(who(long))).message).toContain('issued too long ago');
  });
});
