import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities, PrincipalVia } from '../../gen/switchyard/v1/identity.js';
import { type BearerSource, InstanceType, Switchyard } from '../../src/client/index.js';
import { systemClock } from '../../src/client/system.js';
import { BearerToken } from '../../src/client/trust/bearer-token.js';
import { subjectUuid } from '../../src/trust/oidc/subject-uuid.js';
import { asAdmin, ask, type Running, run } from '../grpc/running.js';
import { TestIssuer } from '../trust/oidc/issuer.js';

let issuer: TestIssuer;
let at: Running;
let yard: Switchyard;
const ALWAYS = new AbortController().signal;
let skippedMs = 0;
let waiting: { readonly atMs: number; readonly call: () => void }[] = [];

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

/** A token of Anna's of this moment, good for five minutes. */
function token(): Promise<string> {
  const iat = Math.floor(clock.wallMs() / 1_000);
  return issuer.token({ sub: 'anna', iat, exp: iat + 300 });
}

function connect(bearerToken: BearerSource): void {
  yard = new Switchyard({ server: at.address, bearerToken, clock });
}

beforeAll(async () => {
  issuer = await TestIssuer.start();
});
afterAll(() => issuer.stop());
beforeEach(async () => {
  [skippedMs, waiting] = [0, []];
  at = await run({ auth: 'required', 'oidc-ca': issuer.authorityFile }, { clock });
  const issuers = [{ issuer: issuer.url, audience: ['switchyard'], roles: [{ give: ['client'] }] }];
  const document = JSON.stringify({ auth: 'required', issuers });
  await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
});
afterEach(async () => {
  await yard.close();
  await at.stop();
});

describe("a client with an issuer's token", () => {
  const anna = () => subjectUuid('default', issuer.url, 'anna');

  it('makes all calls as the subject: unary ones, watches, and those of its instances', async () => {
    connect(await token());
    const { principal } = await yard.identities.whoAmI();
    expect(principal).toMatchObject({ identityUuid: anna(), via: PrincipalVia.ISSUER });
    for await (const { position } of yard.watchNetworkDelta()) {
      if (position !== undefined) break;
    }
    const instance = yard.join({ uuid: anna(), type: InstanceType.CLIENT });
    const { cvid } = await instance.attached();
    expect((await instance.getSession(cvid)).session.cvid).toBe(cvid);
  });

  it('asks for another token when the server takes that one no more, once for all calls', async () => {
    let asked = 0;
    connect(async () => {
      asked++;
      return asked === 1 ? 'no.good.token' : token();
    });
    const answers = await Promise.all([1, 2, 3].map(() => yard.identities.whoAmI()));
    expect(answers.map(({ principal }) => principal?.identityUuid)).toEqual(Array(3).fill(anna()));
    expect(asked).toBe(2);
  });

  it('rejects with PROOF_INVALID where its token is a text that the server does not take', async () => {
    connect('no.good.token');
    await expect(yard.identities.whoAmI()).rejects.toMatchObject({ reason: 'PROOF_INVALID' });
    const instance = yard.join({ uuid: anna(), type: InstanceType.CLIENT });
    expect(await instance.ended).toMatchObject({ reason: 'PROOF_INVALID' });
  });

  it('keeps an instance attached past the end of its token, as it shows the next one before', async () => {
    let asked = 0;
    connect(() => {
      asked++;
      return token();
    });
    const instance = yard.join({ uuid: anna(), type: InstanceType.CLIENT });
    const { cvid } = await instance.attached();
    let again = 0;
    instance.on('attached', () => again++);
    for (let round = 1; round <= 3; round++) {
      skip(250_000);
      for (let waits = 0; asked === round && waits < 1_000; waits++) {
        await new Promise((resolve) => void setTimeout(resolve, 5));
      }
      expect(asked).toBe(round + 1);
      await instance.keepAlive();
    }
    // What has ended is looked for once a second.
    await new Promise((resolve) => void setTimeout(resolve, 1_500));
    expect([instance.state, instance.session?.cvid, again]).toEqual(['attached', cvid, 0]);
  });
});

describe("an issuer's token", () => {
  it('is got for the call that still waits when the one that asked first gives up', async () => {
    let get = (_token: string) => {};
    const got = new Promise<string>((resolve) => {
      get = resolve;
    });
    const bearer = new BearerToken(() => got, systemClock, ALWAYS);
    const first = new AbortController();
    const both = [bearer.metadata(first.signal), bearer.metadata(ALWAYS)];
    first.abort('given up');
    await expect(both[0]).rejects.toBe('given up');
    get('token');
    expect(await both[1]).toEqual({ authorization: 'Bearer token' });
  });

  const withEnd = (exp: unknown) => `h.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.s`;

  it('is asked for a minute before it ends, by what it says itself', async () => {
    const ends = [1_000, 2_000];
    let nowMs = 0;
    const source = async () => withEnd(ends.shift());
    const bearer = new BearerToken(source, { wallMs: () => nowMs, nowMs: () => nowMs }, ALWAYS);
    const { signal } = new AbortController();
    const first = await bearer.metadata(signal);
    expect(bearer.renewsInMs()).toBe(940_000);
    nowMs = 939_999;
    expect(await bearer.metadata(signal)).toEqual(first);
    nowMs = 940_000;
    expect(await bearer.metadata(signal)).toEqual({ authorization: `Bearer ${withEnd(2_000)}` });
  });

  it.each(['opaque', 'a.b.c', withEnd('soon'), withEnd(undefined)])(
    'goes on until it is refused where it tells no end: %s',
    async (text) => {
      let asked = 0;
      const source = async () => `${text}${asked++ === 0 ? '' : asked}`;
      let nowMs = 0;
      const bearer = new BearerToken(source, { wallMs: () => nowMs, nowMs: () => nowMs }, ALWAYS);
      const { signal } = new AbortController();
      await bearer.metadata(signal);
      expect(await bearer.metadata(signal)).toEqual({ authorization: `Bearer ${text}` });
      expect([asked, bearer.renewsInMs()]).toEqual([1, undefined]);
      expect(await bearer.renew(signal)).toBe(true);
      expect(asked).toBe(2);
      // The refusal of a call that went out with the one before.
      expect(await bearer.renew(signal)).toBe(true);
      expect(asked).toBe(2);
      nowMs = 5_000;
      expect(await bearer.renew(signal)).toBe(true);
      expect(asked).toBe(3);
    },
  );
});
