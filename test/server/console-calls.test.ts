import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '../../src/client/system.js';
import type { PageReceiver } from '../../src/console/calls-port.js';
import { KeyOrigin } from '../../src/core/model/trust/identity.js';
import type { LocalCallRequest, LocalCalls } from '../../src/grpc/local-calls.js';
import { ACCESS_LIMITS, AccessTokens } from '../../src/replica/access/access-tokens.js';
import type { Engine } from '../../src/server/engine.js';
import { consoleCalls } from '../../src/server/local-ports.js';

const UUID = '00000000-0000-4000-9000-000000000001';
const BOUND_MS = 7;
const HOLDER = { uuid: UUID, keyId: 'k'.repeat(32) };
const IDENTITY = { ...HOLDER, boundAtMs: BOUND_MS };
const ENDED = { code: 0, message: '', details: new Uint8Array() };

/** Calls of a page, with what the services are asked in the place of them. */
class FakeServices {
  readonly asked: { readonly wanted: LocalCallRequest; readonly receiver: PageReceiver }[] = [];
  nowMs = 0;
  origin: KeyOrigin = KeyOrigin.TICKET;
  readonly tokens = new AccessTokens({ clock: { nowMs: () => this.nowMs }, random: systemRandom });
  readonly calls;

  constructor() {
    const local = {
      open: (wanted: LocalCallRequest, receiver: PageReceiver) => {
        this.asked.push({ wanted, receiver });
        return () => {};
      },
    };
    const keys = () => [{ id: IDENTITY.keyId, origin: this.origin, boundAtMs: BOUND_MS }];
    const identities = { get: (uuid: string) => (uuid === UUID ? { keys: keys() } : undefined) };
    const engine = { gatekeeper: { tokens: this.tokens, mode: 'required' }, replica: { state: { identities } } };
    const engineOf = (network: string) => (network === 'default' ? (engine as unknown as Engine) : undefined);
    this.calls = consoleCalls(local as unknown as LocalCalls, 'the-token', engineOf);
  }

  /** Begins a call of an identity; answers with how to cancel it. */
  open(): () => void {
    const receiver = { message: () => {}, end: () => {} };
    const user = { role: 'identity', network: 'default', identity: IDENTITY } as const;
    return this.calls.open({ path: '/a/b', request: new Uint8Array(), peer: '192.0.2.1:7', ...user }, receiver);
  }

  /** Whom the call is of, by the token that it was made with. */
  whoIn(call: number) {
    return this.tokens.find(this.asked[call].wanted.metadata['switchyard-access']);
  }
}

describe('a call of a page of an identity', () => {
  it('is made with a token of its own, which is good until the call has ended or is cancelled', () => {
    const services = new FakeServices();
    services.open();
    const cancel = services.open();
    expect([services.whoIn(0), services.whoIn(1)]).toEqual([HOLDER, HOLDER]);
    services.asked[0].receiver.end(ENDED);
    expect([services.whoIn(0), services.whoIn(1)]).toEqual([undefined, HOLDER]);
    cancel();
    expect(services.whoIn(1)).toBeUndefined();
    expect(Object.keys(services.asked[0].wanted.metadata)).toEqual(['switchyard-access']);
  });

  it('takes no place among the tokens of those who have logged in', () => {
    const services = new FakeServices();
    const token = services.tokens.issue(IDENTITY)!;
    for (let call = 0; call < 2 * ACCESS_LIMITS.perIdentityMax; call++) services.open();
    expect([services.tokens.count, services.tokens.find(token)]).toMatchObject([1, HOLDER]);
  });
});

describe('the secrets of the codes of an identity', () => {
  it('are those of its tokens that are good, and of no other identity', () => {
    const services = new FakeServices();
    services.tokens.issue(IDENTITY);
    services.tokens.issue({ uuid: UUID.replace(/1$/, '2'), keyId: 'other' });
    const { keyId, boundAtMs } = IDENTITY;
    expect(services.calls.codeSecrets('default', UUID)).toMatchObject([{ keyId, boundAtMs, leftMs: undefined }]);
    services.nowMs = ACCESS_LIMITS.validMs;
    expect(services.calls.codeSecrets('default', UUID)).toEqual([]);
  });
});

describe('a login by the word of an issuer or an authority', () => {
  it.each([KeyOrigin.ISSUER, KeyOrigin.CERTIFICATE])('lasts as long as the access token of its code (%s)', (origin) => {
    const services = new FakeServices();
    services.origin = origin;
    services.tokens.issue(IDENTITY);
    services.nowMs = 1_000;
    expect(services.calls.codeSecrets('default', UUID)).toMatchObject([{ leftMs: ACCESS_LIMITS.validMs - 1_000 }]);
  });
});

describe('what is offered while the network of a login is gone or stopped', () => {
  it('is all of it to administrators, nothing to viewers, and the login of an identity is over', () => {
    const { calls } = new FakeServices();
    const gone = { name: '', roles: [], mode: undefined };
    const may = expect.arrayContaining(['graph.read', 'network.manage', 'audit.read', 'policy.read', 'ticket.issue']);
    expect(calls.standing({ role: 'administrator', network: 'gone' })).toEqual({ ...gone, may });
    expect(calls.standing({ role: 'viewer', network: 'gone' })).toEqual({ ...gone, may: [] });
    expect(calls.standing({ role: 'identity', network: 'gone', identity: IDENTITY })).toBeUndefined();
  });
});
