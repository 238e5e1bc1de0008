import { Metadata, type ServerUnaryCall } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import type { Backing } from '../../src/grpc/backing.js';
import { Calls } from '../../src/grpc/call-handlers.js';
import type { CallConnections } from '../../src/grpc/call-reception.js';
import { Caller } from '../../src/grpc/caller.js';
import type { AccessHolder } from '../../src/replica/access/access-tokens.js';
import type { Gatekeeper } from '../../src/replica/access/gatekeeper.js';
import { ShownIdentities } from '../../src/replica/access/shown-identities.js';

const ANNA: AccessHolder = { uuid: 'anna', keyId: 'k', via: 'issuer', untilMs: 1 };

/** A unary call with an issuer's token, which is checked when the test says so; what it came to is asked for in the end. */
function calling() {
  let isThere = true;
  let checked = (_: AccessHolder) => {};
  const checking = new Promise<AccessHolder>((resolve) => {
    checked = resolve;
  });
  const backing = {
    limits: {},
    replica: {},
    issuers: { accept: () => checking },
    certificates: { accept: () => undefined },
    gatekeeper: { admit: () => undefined },
  } as unknown as Backing;
  const connections = { has: () => isThere, isShared: () => false, vouch: () => {} } as unknown as CallConnections;
  const metadata = new Metadata();
  metadata.set('authorization', 'Bearer token');
  const call = {
    metadata,
    cancelled: false,
    getPeer: () => '127.0.0.1:1',
    getPath: () => '/switchyard.v1.IdentityService/WhoAmI',
  } as unknown as ServerUnaryCall<unknown, string>;
  const outcome = new Promise<string>((resolve) => {
    const handle = new Calls(backing, connections).anyone<unknown, string>(() => 'answered');
    handle(call, (error, answer) => resolve(error === null ? answer! : (error as Error).message));
  });
  return {
    call,
    outcome,
    check: () => checked(ANNA),
    leave: () => {
      isThere = false;
    },
  };
}

describe('a call whose token is being checked', () => {
  it('is answered while its connection is there', async () => {
    const { check, outcome } = calling();
    check();
    expect(await outcome).toBe('answered');
  });

  it('is given up when its connection has closed meanwhile, also before it has heard of that itself', async () => {
    const { check, leave, outcome } = calling();
    leave();
    check();
    expect(await outcome).toContain('given up');
  });

  it('is given up when its client has cancelled it meanwhile', async () => {
    const { call, check, outcome } = calling();
    call.cancelled = true;
    check();
    expect(await outcome).toContain('given up');
  });
});

/** A call that makes something, with a deadline in 10 s, while the clocks go as the test says; `checking` is what its token waits for. */
function making(checking?: Promise<AccessHolder>) {
  const times = { nowMs: 5, wallMs: 1_000_000_000 };
  let made = () => {};
  const working = new Promise<void>((resolve) => {
    made = resolve;
  });
  const taken: string[] = [];
  const backing = {
    limits: {},
    replica: {},
    clock: { nowMs: () => times.nowMs, wallMs: () => times.wallMs },
    issuers: { accept: () => checking },
    certificates: { accept: () => undefined },
    gatekeeper: { admit: () => undefined },
  } as unknown as Backing;
  const metadata = new Metadata();
  if (checking !== undefined) metadata.set('authorization', 'Bearer token');
  const call = {
    metadata,
    cancelled: false,
    getPeer: () => '127.0.0.1:1',
    getPath: () => '/switchyard.v1.SessionService/Session',
    getDeadline: () => 1_000_010_000,
  } as unknown as ServerUnaryCall<unknown, string>;
  let begun = 0;
  const work = async () => {
    begun++;
    await working;
    return { response: 'made', takeBack: () => taken.push('taken back') };
  };
  const outcome = new Promise<string>((resolve) => {
    const handle = new Calls(backing).makingForAnyone<unknown, string>(work);
    handle(call, (error, answer) => resolve(error === null ? answer! : (error as Error).message));
  });
  return { times, made: () => made(), outcome, taken, begun: () => begun };
}

describe('a call that makes something and has a deadline', () => {
  it.each([3_600_000, -3_600_000])(
    'keeps what it made when the wall clock is set by %i ms meanwhile',
    async (jumpMs) => {
      const { times, made, outcome, taken } = making();
      times.wallMs += jumpMs;
      made();
      expect(await outcome).toBe('made');
      expect(taken).toEqual([]);
    },
  );

  it.each([0, -3_600_000])(
    'takes back what came too late, and says so, also when the wall clock is set by %i ms',
    async (jumpMs) => {
      const { times, made, outcome, taken } = making();
      times.nowMs += 10_000;
      times.wallMs += 10_000 + jumpMs;
      made();
      expect(await outcome).toContain('given up');
      expect(taken).toEqual(['taken back']);
    },
  );
});

describe('a call that makes something and whose token is being checked', () => {
  it.each([
    [0, 'made', 1],
    [9_999, 'made', 1],
    [10_000, 'given up', 0],
  ])('has a deadline in 10,000 ms: %i ms later it is %s', async (passedMs, outcomeSays, times) => {
    let checked = (_: AccessHolder) => {};
    const call = making(
      new Promise((resolve) => {
        checked = resolve;
      }),
    );
    call.times.nowMs += passedMs;
    checked(ANNA);
    call.made();
    expect(await call.outcome).toContain(outcomeSays);
    expect(call.begun()).toBe(times);
    expect(call.taken).toEqual([]);
  });
});

describe('what a caller shows', () => {
  it.each([
    [true, 0],
    [false, 1],
  ])('on a connection of which it is %s that it has closed is remembered %i times', (isGone, count) => {
    const shown = new ShownIdentities({ clock: { nowMs: () => 0 }, isByConnection: true });
    const origin = { address: '127.0.0.1', connection: '127.0.0.1:1' };
    const gatekeeper = { shown } as unknown as Gatekeeper;
    const caller = new Caller(gatekeeper, { sid: 1, isAdmin: false, origin, isNameless: () => isGone });
    expect(caller.show('anna')).toBe(true);
    expect(shown.count).toBe(count);
  });
});
