import { describe, expect, it } from '@jest/globals';
import { Fault } from '../../src/core/model/fault.js';
import { DEFAULT_STREAM_PARAMS, StopReason } from '../../src/core/model/stream.js';
import type { Attachment } from '../../src/replica/attachments.js';
import { Balancer } from '../../src/replica/moving-out.js';
import { World } from './world.js';

function drain(attachment: Attachment): string[] {
  const got: string[] = [];
  for (;;) {
    const next = attachment.next();
    if (next === undefined) return got;
    if (next instanceof Fault) return [...got, next.reason];
    got.push(
      next.kind === 'order'
        ? `order ${next.order.id}`
        : next.kind === 'streamStopped'
          ? `stopped ${next.id}`
          : 'heartbeat',
    );
  }
}

describe('an attachment', () => {
  it('begins with a heartbeat and the orders that wait', async () => {
    const world = await World.start();
    const sid = await world.open(1);
    await world.submit({ kind: 'RequestTermination', sid, reason: '', deadlineMs: 60_000 });
    expect(drain(world.replica.attachments.open(sid))).toEqual(['heartbeat', 'order o3']);
    expect(drain(world.replica.attachments.open(sid))).toEqual(['heartbeat', 'order o3']);
  });

  it('may be at another server, which is asked only where there are others and it is not here', async () => {
    const world = await World.start();
    const { attachments } = world.replica;
    const [here, elsewhere, nowhere] = [await world.open(1), await world.open(2), await world.open(3)];
    attachments.open(here);
    expect(attachments.isAttachedAnywhere(elsewhere)).toBe(false);
    const asked: number[] = [];
    attachments.elsewhere = (sid) => {
      asked.push(sid);
      return sid === elsewhere;
    };
    expect([here, elsewhere, nowhere].map((sid) => attachments.isAttachedAnywhere(sid))).toEqual([true, true, false]);
    expect(asked).toEqual([elsewhere, nowhere]);
  });

  it('is given a time of its own to come back after a drain', async () => {
    const world = await World.start();
    const { attachments } = world.replica;
    const open: Attachment[] = [];
    for (let n = 1; n <= 3; n++) open.push(attachments.open(await world.open(n)));
    attachments.drain();
    const endings = open.map((attachment) => [attachment.next(), attachment.next()].at(-1));
    expect(endings).toMatchObject([1_000, 1_001, 1_002].map((retryAfterMs) => ({ reason: 'DRAINING', retryAfterMs })));
  });

  it('ends at once when it is opened after all of them have ended for good', async () => {
    const world = await World.start();
    const [before, after] = [await world.open(1), await world.open(2)];
    const { attachments } = world.replica;
    attachments.open(before);
    attachments.drain({ why: new Fault('NETWORK_NOT_FOUND', 'the network north was dropped') });
    expect(drain(attachments.open(after))).toEqual(['NETWORK_NOT_FOUND']);
    expect(attachments.count).toBe(0);
  });

  it('is no change where the balancer lets it go and it opens elsewhere within a second', async () => {
    const world = await World.start();
    const { attachments } = world.replica;
    for (let n = 1; n <= 10; n++) attachments.open(await world.open(n));
    attachments.neighbours = { addresses: ['a', 'b'], others: ['b'], meanAttached: 1 };
    const told: (readonly [number, boolean])[] = [];
    attachments.changed = (...change) => void told.push(change);
    const [sid] = attachments.sids();
    const balancer = new Balancer(attachments, world.clock);
    // A hundredth a minute of ten.
    for (let s = 0; s < 700 && attachments.count === 10; s++) world.clock.advance(1_000);
    balancer.close();
    expect([attachments.isAttached(sid), attachments.isKnownAttached(sid)]).toEqual([false, true]);
    attachments.others.attached(sid);
    world.clock.advance(10_000);
    expect([attachments.count, attachments.isKnownAttached(sid), told]).toEqual([9, true, []]);
  });

  it('is known to be over at another server while this one drains', async () => {
    const world = await World.start();
    const sid = await world.open(1);
    const { attachments } = world.replica;
    attachments.others.attached(sid);
    attachments.drain();
    attachments.others.gone(sid);
    world.clock.advance(2_000);
    expect(attachments.isKnownAttached(sid)).toBe(false);
  });

  it('takes the place of an earlier one, which ends', async () => {
    const world = await World.start();
    const sid = await world.open(1);
    const first = world.replica.attachments.open(sid);
    world.replica.attachments.open(sid);
    expect(drain(first)).toEqual(['heartbeat', 'ATTACHMENT_REPLACED']);
    first.close();
    expect(world.replica.attachments.isAttached(sid)).toBe(true);
  });

  it.each([
    [1, 'SESSION_SUPERSEDED'],
    [2, 'SESSION_TERMINATED'],
    [3, 'SESSION_EXPIRED'],
    [4, 'SESSION_SERVER_LOST'],
  ] as const)('ends with its session, for reason %i as %s', async (reason, name) => {
    const world = await World.start();
    const sid = await world.open(1);
    const attachment = world.replica.attachments.open(sid);
    await world.submit({ kind: 'CloseSession', sid, reason });
    expect(drain(attachment)).toEqual(['heartbeat', name]);
    expect(world.replica.attachments.count).toBe(0);
  });

  it('hears of its streams that stop, at both ends', async () => {
    const world = await World.start();
    const [one, two] = [await world.open(1), await world.open(2)];
    const [source, sink] = [world.replica.attachments.open(one), world.replica.attachments.open(two)];
    await world.submit({ kind: 'CreateStream', sid: one, params: DEFAULT_STREAM_PARAMS, sinks: [two] });
    const [stream] = world.replica.state.streams.of(one);
    await world.submit({ kind: 'StopStream', sid: two, id: stream.id, reason: StopReason.STOPPED });
    expect(drain(source)).toEqual(['heartbeat', `stopped ${stream.id}`]);
    expect(drain(sink)).toEqual(['heartbeat', `stopped ${stream.sinks[0].id}`]);
  });

  it('gets a heartbeat at least every 15 s, and no pile of them when it does not read', async () => {
    const world = await World.start();
    const sid = await world.open(1);
    const attachment = world.replica.attachments.open(sid);
    drain(attachment);
    await world.advance(15_000);
    expect(drain(attachment)).toEqual(['heartbeat']);
    await world.advance(600_000);
    expect(drain(attachment)).toEqual(['heartbeat']);
  });

  it('ends when it leaves more unread than it may, and costs no more', async () => {
    const world = await World.start({ unreadMax: 4 });
    const [one, two] = [await world.open(1), await world.open(2)];
    const lazy = world.replica.attachments.open(two);
    for (let n = 0; n < 8; n++) {
      await world.submit({ kind: 'CreateStream', sid: one, params: DEFAULT_STREAM_PARAMS, sinks: [two] });
      const [stream] = world.replica.state.streams.of(one);
      await world.submit({ kind: 'TerminateStream', sid: one, id: stream.id });
    }
    const got = drain(lazy);
    expect(got).toHaveLength(5);
    expect(got.at(-1)).toBe('ORDER_LIMIT');
  });

  it('leaves a session whose termination is not answered until the order’s deadline', async () => {
    const world = await World.start();
    const sid = await world.open(1);
    world.replica.attachments.open(sid);
    await world.submit({ kind: 'RequestTermination', sid, reason: '', deadlineMs: 10_000 });
    await world.advance(9_900);
    expect(world.lives(sid)).toBe(true);
    await world.advance(200);
    expect(world.lives(sid)).toBe(false);
  });

  it('stops a stream that was idle for its timeout, and not one that was used', async () => {
    const world = await World.start();
    const [one, two] = [await world.open(1), await world.open(2)];
    const params = { ...DEFAULT_STREAM_PARAMS, timeoutMs: 5_000 };
    for (let n = 0; n < 2; n++) await world.submit({ kind: 'CreateStream', sid: one, params, sinks: [two] });
    const [used, idle] = world.replica.state.streams.of(one);
    await world.advance(4_000);
    world.replica.deadlines.used(used.id);
    await world.advance(2_000);
    expect(world.replica.state.streams.of(one).map((stream) => stream.id)).toEqual([used.id]);
    expect(idle.id).not.toBe(used.id);
    await world.advance(4_000);
    expect(world.replica.state.streams.of(one)).toEqual([]);
  });
});
