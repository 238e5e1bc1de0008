import { describe, expect, it } from '@jest/globals';
import { type Instance, InstanceType, StatusCode, Switchyard, type SwitchyardError } from '../../src/client/index.js';
import { away, FakeChannel, refusal } from './worlds/fake-channel.js';
import { attached, expectNothingLeft, UUID, world } from './worlds/instance-world.js';

describe('leaving', () => {
  it('says goodbye with its token and is gone', async () => {
    const everything = await attached();
    const { channel, me, told } = everything;
    await me.leave();
    expect(channel.named('TerminateSession')[0]?.request).toEqual({ cvid: 0, reason: '' });
    expect(channel.named('TerminateSession')[0]?.call.metadata).toEqual({ 'switchyard-session': 'token-1' });
    expect(told.at(-1)).toBe('ended undefined');
    expectNothingLeft(everything);
    await me.leave();
    expect(channel.named('TerminateSession')).toHaveLength(1);
  });

  it('gives the goodbye up after 5 s', async () => {
    const everything = await attached();
    const { clock, channel, me, told } = everything;
    delete channel.answers.TerminateSession;
    const leaving = me.leave();
    await clock.pass(5_000);
    await leaving;
    expect(told.slice(-2)[0]).toMatch(/^problem .*TerminateSession took longer than 5000 ms/);
    expect(told.at(-1)).toBe('ended undefined');
    expectNothingLeft(everything);
  });

  it('needs no goodbye before there is a session', async () => {
    const everything = world();
    delete everything.channel.answers.Session;
    await everything.clock.pass(0);
    await everything.me.leave();
    expect(everything.channel.named('TerminateSession')).toHaveLength(0);
    expectNothingLeft(everything);
  });

  it('ends without an error when the session turns out to be gone already', async () => {
    const { channel, me } = await attached();
    channel.answers.TerminateSession = () => Promise.reject(refusal('SESSION_EXPIRED', StatusCode.UNAUTHENTICATED));
    await me.leave();
    expect(await me.ended).toBeUndefined();
  });

  it('lets go at once when it is detached, or its signal is aborted, and keeps the session for its grace', async () => {
    const controller = new AbortController();
    for (const end of [(me: Instance) => me.detach(), () => controller.abort(new Error('enough'))]) {
      const everything = await attached({ signal: controller.signal });
      end(everything.me);
      expect(await everything.me.ended).toBeUndefined();
      await everything.clock.pass(0);
      expect(everything.channel.named('TerminateSession')).toHaveLength(0);
      expectNothingLeft(everything);
    }
  });

  it('never begins when its signal is aborted already', async () => {
    const everything = world({ signal: AbortSignal.abort(new Error('enough')) });
    expect(await everything.me.ended).toBeUndefined();
    expect(everything.channel.calls).toEqual([]);
    expectNothingLeft(everything);
  });

  it('closing the client lets every instance say goodbye, and refuses what comes after', async () => {
    const everything = await attached();
    await everything.yard.close();
    expect(everything.channel.named('TerminateSession')).toHaveLength(1);
    expect(everything.channel.closed).toBe(true);
    await expect(everything.yard.getNode(1)).rejects.toMatchObject({ code: StatusCode.CANCELLED });
    expectNothingLeft(everything);
  });
});

describe('a call of an instance', () => {
  it('waits until there is a session', async () => {
    const { clock, channel, me } = world();
    const called = me.keepAlive();
    await clock.pass(0);
    expect((await called).position.revision).toBe(1n);
    expect(channel.named('KeepAlive')[0]?.call.metadata).toEqual({ 'switchyard-session': 'token-1' });
  });

  it('waits no longer than its time limit, and no longer than its signal', async () => {
    const { clock, channel, me } = world();
    channel.answers.Session = () => Promise.reject(away());
    const late = me.keepAlive({ timeoutMs: 1_000 }).catch((error: SwitchyardError) => error.code);
    const controller = new AbortController();
    const aborted = me.keepAlive({ signal: controller.signal }).catch((error: Error) => error.message);
    await clock.pass(999);
    controller.abort(new Error('enough'));
    expect(await aborted).toBe('enough');
    await clock.pass(1);
    expect(await late).toBe(StatusCode.DEADLINE_EXCEEDED);
  });

  it('is tried again while the server is away only if its caller said so', async () => {
    const { clock, channel, me } = await attached();
    const answer = channel.answers.KeepAlive!;
    channel.answers.KeepAlive = () => Promise.reject(away());
    await expect(me.keepAlive()).rejects.toMatchObject({ code: StatusCode.UNAVAILABLE });
    const again = me.keepAlive({ retry: true });
    await clock.pass(500);
    channel.answers.KeepAlive = answer;
    await clock.pass(1_000);
    expect((await again).ttl).toEqual({ seconds: 60n, nanos: 0 });
    expect(channel.named('KeepAlive').length).toBe(4);
  });

  it('does not take an answer for whole that lacks a message', async () => {
    const { channel, me } = await attached();
    channel.answers.KeepAlive = () => ({ ttl: undefined, position: { epoch: 'e', revision: 1n } });
    await expect(me.keepAlive()).rejects.toThrow('/switchyard.v1.SessionService/KeepAlive answered without ttl');
  });

  it('goes without the administrator token of the client it came from', async () => {
    const channel = new FakeChannel();
    const yard = new Switchyard({ channel, adminToken: 'secret' });
    yard.join({ uuid: UUID, type: InstanceType.AGENT });
    yard.getNode(1).catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(channel.named('Session')[0]?.call.metadata).toEqual({});
    expect(channel.named('GetNode')[0]?.call.metadata).toEqual({ 'switchyard-admin': 'secret' });
    await yard.close();
  });
});
