import { describe, expect, it } from '@jest/globals';
import { StatusCode, type SwitchyardError } from '../../../src/client/index.js';
import { away, refusal } from '../worlds/fake-channel.js';
import { attached, expectNothingLeft, HEARTBEAT, HOUR_MS, tokenOf, UUID, world } from '../worlds/instance-world.js';

describe('joining', () => {
  it('opens a session, attaches with its token, and is attached with the first message', async () => {
    const { clock, channel, me, told } = world({ name: 'gate', labels: { site: 'a' }, ttlMs: 90_500, flavor: 3 });
    await clock.pass(0);
    expect(channel.named('Session')[0]?.request).toEqual({
      instanceUuid: UUID,
      instanceType: 2,
      instanceFlavor: 3,
      ttl: { seconds: 90n, nanos: 500_000_000 },
      name: 'gate',
      labels: { site: 'a' },
    });
    expect(me.state).toBe('attaching');
    expect(channel.stream('Attach').seen.call.metadata).toEqual({ 'switchyard-session': 'token-1' });

    const waiting = me.attached();
    channel.stream('Attach').send(HEARTBEAT);
    expect(await waiting).toMatchObject({ cvid: 1001, serverCvid: 9, token: 'token-1', ttlMs: 60_000, streamId: 1 });
    expect(told).toEqual(['opened 1001', 'attached 1001']);
  });

  it('tries again while the server is away, with waits that double up to 15 s', async () => {
    const { clock, channel, told } = world();
    const grant = channel.answers.Session!;
    channel.answers.Session = () => Promise.reject(away());
    await clock.pass(60_000);
    expect(told).toEqual(
      [200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000, 15_000]
        .slice(0, told.length)
        .map((ms) => `broken ${ms}`),
    );
    expect(told.length).toBeGreaterThan(7);
    channel.answers.Session = grant;
    await clock.pass(15_000);
    expect(told.at(-1)).toBe('opened 1001');
  });

  it('draws its waits between nothing and the whole window', async () => {
    const { clock, channel, told } = world({}, 0.25);
    channel.answers.Session = () => Promise.reject(away());
    await clock.pass(200);
    expect(told.slice(0, 2)).toEqual(['broken 50', 'broken 100']);
  });

  it('waits for as long as the server asks, and the jitter comes on top', async () => {
    const { clock, channel, told } = world({}, 0.5);
    channel.answers.Session = () => Promise.reject(refusal('SESSION_LIMIT', StatusCode.RESOURCE_EXHAUSTED, 5_000));
    await clock.pass(5_099);
    expect(channel.named('Session')).toHaveLength(1);
    await clock.pass(1);
    expect(channel.named('Session')).toHaveLength(2);
    expect(told[0]).toBe('broken 5100');
  });

  it('ends at once when the server will never take it', async () => {
    const everything = world();
    const { clock, channel, me, told } = everything;
    channel.answers.Session = () => Promise.reject(refusal('FIELD_INVALID', StatusCode.INVALID_ARGUMENT));
    await clock.pass(HOUR_MS);
    expect(told).toEqual(['ended FIELD_INVALID']);
    expect(channel.named('Session')).toHaveLength(1);
    await expect(me.attached()).rejects.toMatchObject({ reason: 'FIELD_INVALID' });
    expect(await me.ended).toMatchObject({ reason: 'FIELD_INVALID' });
    expectNothingLeft(everything);
  });
});

describe('an attachment that breaks', () => {
  it('is taken up again with the same token', async () => {
    const { clock, channel, me, told } = await attached();
    channel.stream('Attach').end(away());
    await clock.pass(200);
    expect(channel.named('Attach')).toHaveLength(2);
    expect(channel.stream('Attach').seen.call.metadata).toEqual({ 'switchyard-session': 'token-1' });
    channel.stream('Attach').send(HEARTBEAT);
    await clock.pass(0);
    expect(told).toEqual(['opened 1001', 'attached 1001', 'broken 200', 'attached 1001']);
    expect(channel.named('Session')).toHaveLength(1);
    expect(me.state).toBe('attached');
  });

  it('is taken up again when the server ends it without an error', async () => {
    const { clock, channel, told } = await attached();
    channel.stream('Attach').end();
    await clock.pass(200);
    expect(told.at(-1)).toBe('broken 200');
    expect(channel.named('Attach')).toHaveLength(2);
  });

  it('is given up after 30 s without a heartbeat, and not before', async () => {
    const { clock, channel, me } = await attached();
    await clock.pass(29_000);
    channel.stream('Attach').send(HEARTBEAT);
    await clock.pass(29_999);
    expect(me.state).toBe('attached');
    await clock.pass(1);
    expect(me.state).toBe('reattaching');
    expect(channel.stream('Attach').open).toBe(false);
  });

  it('counts as a success once it stood for 10 s', async () => {
    const { clock, channel, told } = await attached();
    for (let i = 0; i < 3; i += 1) {
      channel.stream('Attach').end(away());
      await clock.pass(15_000);
    }
    channel.stream('Attach').send(HEARTBEAT);
    await clock.pass(10_000);
    channel.stream('Attach').end(away());
    await clock.pass(0);
    expect(told.filter((line) => line.startsWith('broken'))).toEqual([
      'broken 200',
      'broken 400',
      'broken 800',
      'broken 200',
    ]);
  });

  it('rests for no longer than a third of the lease, however often it fails', async () => {
    const { clock, channel, told } = world();
    const grant = channel.answers.Session!;
    channel.answers.Session = (...args) => ({ ...(grant(...args) as object), ttl: { seconds: 3n, nanos: 0 } });
    await clock.pass(0);
    for (let i = 0; i < 6; i += 1) {
      channel.stream('Attach').end(away());
      await clock.pass(1_000);
    }
    expect(told.slice(1)).toEqual([200, 400, 800, 1000, 1000, 1000].map((ms) => `broken ${ms}`));
  });

  it('renews the session meanwhile when the server asks for a longer rest than the lease is', async () => {
    const { clock, channel, told } = await attached();
    channel.stream('Attach').end(refusal('OVERLOADED', StatusCode.UNAVAILABLE, 120_000));
    await clock.pass(119_999);
    expect(channel.named('KeepAlive').length).toBe(5);
    expect(channel.named('KeepAlive')[0]?.call.metadata).toEqual({ 'switchyard-session': 'token-1' });
    await clock.pass(201);
    expect(channel.named('Attach')).toHaveLength(2);
    expect(told.at(-1)).toBe('broken 120200');
  });

  it('is taken up again when an older call of its own took its place', async () => {
    const { clock, channel } = await attached();
    channel.stream('Attach').end(refusal('ATTACHMENT_REPLACED', StatusCode.ABORTED));
    await clock.pass(200);
    expect(channel.named('Attach')).toHaveLength(2);
  });
});

describe('a session that ends', () => {
  it.each([
    ['SESSION_SUPERSEDED', StatusCode.ABORTED],
    ['SESSION_SUPERSEDED', StatusCode.UNAUTHENTICATED],
    ['SESSION_TERMINATED', StatusCode.ABORTED],
  ])('by %s (%d) is the end: nothing is ever tried again', async (reason, code) => {
    const everything = await attached();
    const { clock, channel, me, told } = everything;
    channel.stream('Attach').end(refusal(reason, code));
    await clock.pass(0);
    const before = channel.calls.length;
    await clock.pass(HOUR_MS);
    expect(channel.calls.length).toBe(before);
    expect(told.slice(2)).toEqual([`ended ${reason}`]);
    expect(await me.ended).toMatchObject({ reason });
    expect(tokenOf(me)).toBeUndefined();
    await expect(me.keepAlive()).rejects.toMatchObject({ reason });
    expectNothingLeft(everything);
  });

  it.each([
    ['SESSION_EXPIRED', StatusCode.ABORTED],
    ['SESSION_SERVER_LOST', StatusCode.UNAUTHENTICATED],
    ['SESSION_TOKEN_INVALID', StatusCode.UNAUTHENTICATED],
  ])('by %s is followed by a new one', async (reason, code) => {
    const { clock, channel, me, told } = await attached();
    channel.stream('Attach').end(refusal(reason, code));
    await clock.pass(200);
    expect(tokenOf(me)).toBe('token-2');
    channel.stream('Attach').send(HEARTBEAT);
    await clock.pass(0);
    expect(told.slice(2)).toEqual([`lost ${reason}`, 'broken 200', 'opened 1002', 'attached 1002']);
  });

  it('after a long break is followed by a new one soon: the server is there again', async () => {
    const { clock, channel, told } = await attached();
    for (let i = 0; i < 8; i += 1) {
      channel.stream('Attach').end(away());
      await clock.pass(15_000);
    }
    channel.stream('Attach').end(refusal('SESSION_EXPIRED', StatusCode.UNAUTHENTICATED));
    await clock.pass(200);
    expect(told.slice(-3)).toEqual(['lost SESSION_EXPIRED', 'broken 200', 'opened 1002']);
  });

  it('again and again is followed by longer and longer waits', async () => {
    const { clock, channel, told } = await attached();
    for (let i = 0; i < 4; i += 1) {
      channel.stream('Attach').end(refusal('SESSION_EXPIRED', StatusCode.UNAUTHENTICATED));
      await clock.pass(2_000);
    }
    const waits = told.filter((line) => line.startsWith('broken'));
    expect(waits).toEqual([200, 400, 800, 1600].map((ms) => `broken ${ms}`));
  });

  it('is the end when no other was wanted', async () => {
    const everything = await attached({ reopen: false });
    everything.channel.stream('Attach').end(refusal('SESSION_EXPIRED', StatusCode.ABORTED));
    await everything.clock.pass(HOUR_MS);
    expect(everything.told.slice(2)).toEqual(['ended SESSION_EXPIRED']);
    expectNothingLeft(everything);
  });

  it('is noticed by any call that is refused for it', async () => {
    const { clock, channel, me, told } = await attached();
    channel.answers.KeepAlive = () => Promise.reject(refusal('SESSION_EXPIRED', StatusCode.UNAUTHENTICATED));
    await expect(me.keepAlive()).rejects.toMatchObject({ reason: 'SESSION_EXPIRED' });
    await clock.pass(200);
    expect(told.slice(2)).toEqual(['lost SESSION_EXPIRED', 'broken 200', 'opened 1002']);
  });

  it('is not confused with an earlier one: late news of that changes nothing', async () => {
    const { clock, channel, me } = await attached();
    let refuse: (error: SwitchyardError) => void = () => {};
    channel.answers.KeepAlive = () => new Promise((_resolve, reject) => (refuse = reject));
    const late = me.keepAlive().catch((error: SwitchyardError) => error.reason);
    await clock.pass(0);
    channel.stream('Attach').end(refusal('SESSION_EXPIRED', StatusCode.ABORTED));
    await clock.pass(200);
    expect(tokenOf(me)).toBe('token-2');
    refuse(refusal('SESSION_EXPIRED', StatusCode.UNAUTHENTICATED));
    expect(await late).toBe('SESSION_EXPIRED');
    expect(tokenOf(me)).toBe('token-2');
  });

  it('does not end because of a refusal that is about something else', async () => {
    const { channel, me } = await attached();
    channel.answers.KeepAlive = () => Promise.reject(refusal('ADMIN_REQUIRED', StatusCode.PERMISSION_DENIED));
    await expect(me.keepAlive()).rejects.toMatchObject({ reason: 'ADMIN_REQUIRED' });
    expect(me.state).toBe('attached');
  });
});
