import { describe, expect, it } from '@jest/globals';
import { readPolicy } from '../../../src/core/decide/policy/policy-document.js';
import { Fault } from '../../../src/core/model/fault.js';
import type { Asker } from '../../../src/replica/access/asker.js';
import { CallMeter, type CallMeterDeps } from '../../../src/replica/access/call-meter.js';
import { MonthUse } from '../../../src/replica/access/month-use.js';

/** A meter under a policy with these limits, a clock that a test moves, and calls of identities by name and roles. */
function metered(limits: object) {
  const policy = readPolicy(JSON.stringify({ limits }));
  if (policy instanceof Fault) throw new Error(policy.message);
  let nowMs = 5_000;
  const wall = { wallMs: () => Date.UTC(2026, 10, 30) + nowMs, after: () => ({ cancel: () => {} }) };
  const callers = new Map<Asker, { readonly identityUuid: string; readonly roles: readonly string[] }>();
  const meter = new CallMeter({
    state: { policy: { document: '', revision: 1, policy } },
    clock: { nowMs: () => nowMs },
    month: new MonthUse({ clock: wall, store: undefined, drawKey: () => [1, 2], warn: () => {}, info: () => {} }).of(0),
    principal: (asker) => callers.get(asker) as ReturnType<CallMeterDeps['principal']>,
  });
  const call = (uuid: string, roles: readonly string[], isAdmin = false, again: object = {}) => {
    const asker = { sid: 1, isAdmin, origin: { address: '' }, hasShown: () => true } as unknown as Asker;
    if (uuid !== '') callers.set(asker, { identityUuid: uuid, roles });
    return meter.take(asker, again);
  };
  const many = (count: number, uuid: string, roles: readonly string[]) =>
    Array.from({ length: count }, () => call(uuid, roles)).filter((fault) => fault === undefined).length;
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { meter, call, many, pass };
}

describe('calls a second of an identity', () => {
  it('may come at once, and one more is refused with the time after which it is taken', () => {
    const { call, many, pass } = metered({ client: { calls_per_second: 4 } });
    expect(many(4, 'a', ['client'])).toBe(4);
    expect(call('a', ['client'])).toMatchObject({ reason: 'RATE_LIMITED', retryAfterMs: 250 });
    pass(249);
    expect(call('a', ['client'])).toMatchObject({ retryAfterMs: 1 });
    pass(1);
    expect(many(2, 'a', ['client'])).toBe(1);
  });

  it('come to the rate over a long time, also where one takes no whole number of milliseconds', () => {
    const { many, pass } = metered({ client: { calls_per_second: 7 } });
    let taken = many(20, 'a', ['client']);
    for (let n = 0; n < 10_000; n++) {
      pass(1);
      taken += many(2, 'a', ['client']);
    }
    expect(taken).toBe(7 + 70);
  });

  it('are counted once when a call is tried again, and not at all while it is refused', () => {
    const { call, many, pass } = metered({ client: { calls_per_second: 2 } });
    const first = {};
    for (let n = 0; n < 5; n++) expect(call('a', ['client'], false, first)).toBeUndefined();
    expect(many(5, 'a', ['client'])).toBe(1);
    const refused = {};
    for (let n = 0; n < 5; n++) expect(call('a', ['client'], false, refused)?.reason).toBe('RATE_LIMITED');
    pass(500);
    expect(call('a', ['client'], false, refused)).toBeUndefined();
    expect(many(5, 'a', ['client'])).toBe(0);
  });

  it('are each one quota of their own for two identities, and the highest of several roles', () => {
    const { many } = metered({ agent: { calls_per_second: 2 }, client: { calls_per_second: 5 } });
    expect([many(9, 'a', ['agent']), many(9, 'b', ['agent', 'client'])]).toEqual([2, 5]);
  });

  it.each([
    ['a role of which the policy says nothing', 'a', ['operator'], false],
    ['a caller without an identity', '', [], false],
    ["the administrator's token", 'a', ['client'], true],
  ] as const)('are not counted of %s', (_, uuid, roles, isAdmin) => {
    const { meter, call } = metered({ client: { calls_per_second: 1 } });
    for (let n = 0; n < 3; n++) expect(call(uuid, roles, isAdmin)).toBeUndefined();
    expect(meter.size).toBe(0);
  });

  it('are forgotten once they are over, so that the memory follows those who call now', () => {
    const { meter, call, pass } = metered({ client: { calls_per_second: 1 } });
    for (let n = 0; n < 1_000; n++) call(`u${n}`, ['client']);
    expect(meter.size).toBe(1_000);
    pass(1_000);
    call('another', ['client']);
    expect(meter.size).toBe(1);
  });
});

describe('calls a month of an identity', () => {
  it('are refused once they are used up, with the end of the month, and counted anew from then on', () => {
    const { call, many, pass } = metered({ client: { calls_per_month: 5 } });
    expect(many(9, 'a', ['client'])).toBe(5);
    const fault = call('a', ['client']);
    expect(fault).toMatchObject({ reason: 'NETWORK_LIMIT', metadata: { month_ends: '2026-12-01T00:00:00Z' } });
    expect(fault?.message).toContain('5 calls a month of one identity are the limit of its roles');
    expect(many(9, 'b', ['client'])).toBe(5);
    pass(86_400_000);
    expect(many(9, 'a', ['client'])).toBe(5);
  });

  it('count a call once that is tried again', () => {
    const { call, many } = metered({ client: { calls_per_month: 3 } });
    const first = {};
    for (let n = 0; n < 5; n++) expect(call('a', ['client'], false, first)).toBeUndefined();
    expect(many(9, 'a', ['client'])).toBe(2);
    expect(call('a', ['client'], false, first)).toBeUndefined();
  });

  it('refuse without RetryInfo until the last millisecond of the month, and never say an end that has passed', () => {
    const { call, many, pass } = metered({ client: { calls_per_month: 1 } });
    many(1, 'a', ['client']);
    // The clock begins 5 s into 30 November.
    pass(86_400_000 - 5_000 - 1);
    const fault = call('a', ['client']);
    expect([fault?.retryAfterMs, fault?.metadata]).toEqual([undefined, { month_ends: '2026-12-01T00:00:00Z' }]);
    pass(1);
    expect(call('a', ['client'])).toBeUndefined();
    expect(call('a', ['client'])?.metadata).toEqual({ month_ends: '2027-01-01T00:00:00Z' });
  });

  it('do not count what the rate refuses', () => {
    const { many, pass } = metered({ client: { calls_per_month: 5, calls_per_second: 2 } });
    expect(many(9, 'a', ['client'])).toBe(2);
    pass(1_000);
    expect(many(9, 'a', ['client'])).toBe(2);
    pass(1_000);
    expect(many(9, 'a', ['client'])).toBe(1);
  });
});
