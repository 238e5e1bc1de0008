import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '../../src/client/system.js';
import type { PageReceiver } from '../../src/console/calls-port.js';
import type { LocalCallRequest, LocalCalls } from '../../src/grpc/local-calls.js';
import { ACCESS_LIMITS, AccessTokens } from '../../src/replica/access/access-tokens.js';
import type { Engine } from '../../src/server/engine.js';
import { consoleCalls } from '../../src/server/local-ports.js';

const UUID = '00000000-0000-4000-9000-000000000001';
const IDENTITY = { uuid: UUID, keyId: 'k'.repeat(32) };
const ENDED = { code: 0, message: '', details: new Uint8Array() };

/** Calls of a page, with what the services are asked in the place of them. */
class FakeServices {
  readonly asked: { readonly wanted: LocalCallRequest; readonly receiver: PageReceiver }[] = [];
  nowMs = 0;
  readonly tokens = new AccessTokens({ clock: { nowMs: () => this.nowMs }, random: systemRandom });
  readonly calls;

  constructor() {
    const local = {
      open: (wanted: LocalCallRequest, receiver: PageReceiver) => {
        this.asked.push({ wanted, receiver });
        return () => {};
      },
    };
    const engine = { gatekeeper: { tokens: this.tokens, mode: 'required' } };
    this.calls = consoleCalls(local as unknown as LocalCalls, 'the-token', () => engine as unknown as Engine);
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
    expect([services.whoIn(0), services.whoIn(1)]).toEqual([IDENTITY, IDENTITY]);
    services.asked[0].receiver.end(ENDED);
    expect([services.whoIn(0), services.whoIn(1)]).toEqual([undefined, IDENTITY]);
    cancel();
    expect(services.whoIn(1)).toBeUndefined();
    expect(Object.keys(services.asked[0].wanted.metadata)).toEqual(['switchyard-access']);
  });

  it('takes no place among the tokens of those who have logged in', () => {
    const services = new FakeServices();
    const token = services.tokens.issue(IDENTITY)!;
    for (let call = 0; call < 2 * ACCESS_LIMITS.perIdentityMax; call++) services.open();
    expect([services.tokens.count, services.tokens.find(token)]).toMatchObject([1, IDENTITY]);
  });
});

describe('the secrets of the codes of an identity', () => {
  it('are those of its tokens that are good, and of no other identity', () => {
    const services = new FakeServices();
    services.tokens.issue(IDENTITY);
    services.tokens.issue({ uuid: UUID.replace(/1$/, '2'), keyId: 'other' });
    expect(services.calls.codeSecrets('default', UUID)).toMatchObject([{ keyId: IDENTITY.keyId }]);
    services.nowMs = ACCESS_LIMITS.validMs;
    expect(services.calls.codeSecrets('default', UUID)).toEqual([]);
  });
});
