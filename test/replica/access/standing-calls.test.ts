import { describe, expect, it } from '@jest/globals';
import type { Change } from '../../../src/core/model/change.js';
import { Fault } from '../../../src/core/model/fault.js';
import {
  type StandingCall,
  StandingCalls,
  type StandingCallsDeps,
} from '../../../src/replica/access/standing-calls.js';

const REFUSAL = new Fault('AUTH_REQUIRED', 'no more');
const POLICY_PUT = [{ kind: 'PolicyPut' }] as unknown as readonly Change[];

function identityPut(uuid: string): readonly Change[] {
  return [{ kind: 'IdentityPut', identity: { uuid, revoked: false, keys: [] } }] as unknown as readonly Change[];
}

/** Standing calls of sessions whose UUIDs are `u1` for 1 and so on, and a clock that a test moves. */
function standing() {
  let nowMs = 0;
  const timers: { atMs: number; call: () => void }[] = [];
  const clock: StandingCallsDeps['clock'] = {
    nowMs: () => nowMs,
    after: (delayMs, call) => {
      const timer = { atMs: nowMs + delayMs, call };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
    },
  };
  const state = { sessions: { get: (sid: number) => ({ uuid: `u${sid}` }) } } as unknown as StandingCallsDeps['state'];
  const tokens = { endUnless: () => {}, endAllUnless: () => {} };
  const calls = new StandingCalls({ state, clock, tokens, month: { forget: () => {} } });
  const ended: string[] = [];
  const begin = (name: string, of: Partial<StandingCall>, refusal: () => Fault | undefined = () => REFUSAL) =>
    calls.add({
      sid: undefined,
      access: undefined,
      nextMs: () => of.access?.untilMs ?? Number.POSITIVE_INFINITY,
      check: refusal,
      end: ({ message }) => void ended.push(`${name}: ${message}`),
      ...of,
    });
  const pass = (ms: number) => {
    nowMs += ms;
    for (const timer of timers.splice(0)) {
      if (timer.atMs <= nowMs) timer.call();
      else timers.push(timer);
    }
  };
  return { calls, begin, ended, pass, timers };
}

describe('standing calls', () => {
  it('end once, with the refusal, when their own identity changes and not when another does', () => {
    const { calls, begin, ended } = standing();
    begin('one', { sid: 1 });
    begin('two', { sid: 2 });
    calls.publish(identityPut('u2'));
    calls.publish(identityPut('u2'));
    expect(ended).toEqual(['two: no more']);
    expect(calls.count).toBe(1);
  });

  it('of a session and an access token end when the identity of the session changes', () => {
    const { calls, begin, ended } = standing();
    begin('both', { sid: 1, access: { uuid: 'p', keyId: 'k', untilMs: 5_000 } });
    calls.publish(identityPut('u1'));
    expect(ended).toEqual(['both: no more']);
  });

  it('are all looked at after another policy, and those that may go on do', () => {
    const { calls, begin, ended } = standing();
    begin('one', { sid: 1 });
    begin('two', { sid: 2 }, () => undefined);
    begin('nobody', {});
    calls.publish(POLICY_PUT);
    expect(ended).toEqual(['one: no more', 'nobody: no more']);
    expect(calls.count).toBe(1);
  });

  it('end when the access token expires that began them, each at its own time, within a second', () => {
    const { begin, ended, pass, timers } = standing();
    begin('late', { access: { uuid: 'p', keyId: 'k', untilMs: 10_000 } });
    begin('soon', { access: { uuid: 'p', keyId: 'k', untilMs: 5_000 } });
    begin('process', { access: { uuid: '', keyId: '' } });
    expect(timers).toHaveLength(1);
    pass(4_999);
    expect(ended).toEqual([]);
    pass(1);
    expect(ended).toEqual(['soon: no more']);
    pass(5_000);
    expect(ended).toEqual(['soon: no more', 'late: no more']);
    expect(timers).toEqual([]);
  });

  it('are looked at again at the later time when what they rest on is good for longer by then', () => {
    const { begin, ended, pass, timers } = standing();
    let untilMs = 5_000;
    let nowMs = 0;
    begin('one', { sid: 1, nextMs: () => untilMs }, () => (nowMs < untilMs ? undefined : REFUSAL));
    untilMs = 9_000;
    nowMs = 5_000;
    pass(nowMs);
    expect(ended).toEqual([]);
    expect(timers).toHaveLength(1);
    nowMs = 9_000;
    pass(4_000);
    expect(ended).toEqual(['one: no more']);
  });

  it('of a certificate that is good for a year are looked at once a day, and end with it', () => {
    const dayMs = 86_400_000;
    const { begin, ended, pass, timers } = standing();
    begin('year', { access: { uuid: 'p', keyId: 'k', via: 'certificate', untilMs: 365 * dayMs } });
    for (let day = 1; day < 365; day++) {
      expect(timers).toEqual([expect.objectContaining({ atMs: day * dayMs })]);
      pass(dayMs);
    }
    expect(ended).toEqual([]);
    pass(dayMs);
    expect(ended).toEqual(['year: no more']);
    expect(timers).toEqual([]);
  });

  it('that have ended by themselves are forgotten', () => {
    const { calls, begin, ended, pass } = standing();
    begin('one', { sid: 1 })();
    begin('two', { access: { uuid: 'p', keyId: 'k', untilMs: 5_000 } })();
    calls.publish(POLICY_PUT);
    pass(6_000);
    expect(ended).toEqual([]);
    expect(calls.count).toBe(0);
  });
});
