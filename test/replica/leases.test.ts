import { describe, expect, it } from '@jest/globals';
import { World } from './world.js';

describe('leases', () => {
  it('let a session live for its TTL at least, and not much longer', async () => {
    const world = await World.start();
    const sid = await world.open(1, 10_000);
    await world.advance(9_900);
    expect(world.lives(sid)).toBe(true);
    await world.advance(1_200);
    expect(world.lives(sid)).toBe(false);
    expect(world.replica.state.ended.get(sid)).toBe(3);
  });

  it('count from the last renewal', async () => {
    const world = await World.start();
    const sid = await world.open(1, 10_000);
    for (let n = 0; n < 10; n++) {
      await world.advance(9_000);
      expect(world.replica.leases.renew(sid)).toBe(true);
    }
    await world.advance(9_900);
    expect(world.lives(sid)).toBe(true);
    await world.advance(1_200);
    expect(world.lives(sid)).toBe(false);
    expect(world.replica.leases.renew(sid)).toBe(false);
  });

  it('do not run while a session is attached, and leave it a grace period after', async () => {
    const world = await World.start({ graceMs: 30_000 });
    const sid = await world.open(1, 2_000);
    const attachment = world.replica.attachments.open(sid);
    await world.advance(3_600_000);
    expect(world.lives(sid)).toBe(true);
    attachment.close();
    await world.advance(29_900);
    expect(world.lives(sid)).toBe(true);
    await world.advance(1_200);
    expect(world.lives(sid)).toBe(false);
  });

  it('of a session that attaches and breaks again and again end once, after the last', async () => {
    const world = await World.start({ graceMs: 5_000 });
    const sid = await world.open(1, 2_000);
    for (let n = 0; n < 50; n++) {
      world.replica.attachments.open(sid).close();
      await world.advance(100);
    }
    await world.advance(4_800);
    expect(world.lives(sid)).toBe(true);
    await world.advance(1_200);
    expect(world.lives(sid)).toBe(false);
  });

  it('are all extended after a pause, before any expires', async () => {
    const world = await World.start();
    const sids = [await world.open(1, 2_000), await world.open(2, 5_000)];
    world.clock.freeze(60_000);
    await world.advance(1_000);
    expect(sids.map((sid) => world.lives(sid))).toEqual([true, true]);
    await world.advance(40_000);
    expect(sids.map((sid) => world.lives(sid))).toEqual([false, false]);
  });

  it('are extended by the length of a pause and not to a whole TTL, however often pauses come', async () => {
    const world = await World.start({ graceMs: 1_000 });
    const dead = await world.open(1, 10_000);
    for (let n = 0; n < 2; n++) {
      await world.advance(4_000);
      world.clock.freeze(2_100);
    }
    await world.advance(1_400);
    expect(world.lives(dead)).toBe(true);
    await world.advance(1_800);
    expect(world.lives(dead)).toBe(false);
  });

  it('are not extended twice by a pause that a renewal notices before a tick does', async () => {
    const world = await World.start({ graceMs: 1_000 });
    const sid = await world.open(1, 10_000);
    world.clock.freeze(60_000);
    expect(world.replica.leases.renew(sid)).toBe(true);
    await world.advance(9_900);
    expect(world.lives(sid)).toBe(true);
    await world.advance(1_700);
    expect(world.lives(sid)).toBe(false);
  });

  it('begin anew at a server that leads a network in which no session ever was', async () => {
    const world = await World.start();
    expect(() => world.replica.leases.restart(true)).not.toThrow();
    const sid = await world.open(1, 2_000);
    expect(world.lives(sid)).toBe(true);
  });

  it('are all extended after a restart', async () => {
    const world = await World.start({ graceMs: 1_000 });
    const sid = await world.open(1, 10_000);
    await world.advance(9_000);
    await world.settle(world.replica.close());
    await world.restart();
    await world.advance(9_000);
    expect(world.lives(sid)).toBe(true);
    await world.advance(2_000);
    expect(world.lives(sid)).toBe(false);
  });

  it('give every session the grace period after a restart, where that is longer than its TTL', async () => {
    const world = await World.start({ graceMs: 30_000 });
    const sid = await world.open(1, 5_000);
    await world.settle(world.replica.close());
    await world.restart();
    await world.advance(29_900);
    expect(world.lives(sid)).toBe(true);
    await world.advance(1_200);
    expect(world.lives(sid)).toBe(false);
  });

  it('of a restarted server run from the moment in which its doors are open', async () => {
    const world = await World.start({ graceMs: 1_000 });
    const sid = await world.open(1, 10_000);
    await world.settle(world.replica.close());
    await world.recover();
    world.clock.freeze(1_400);
    world.replica.opened();
    await world.advance(9_900);
    expect(world.lives(sid)).toBe(true);
    await world.advance(1_200);
    expect(world.lives(sid)).toBe(false);
  });

  it('of a restarted server do not run while its doors are opened, however long that takes', async () => {
    const world = await World.start({ graceMs: 1_000 });
    const sid = await world.open(1, 10_000);
    await world.settle(world.replica.close());
    await world.recover();
    await world.advance(15_000);
    expect(world.lives(sid)).toBe(true);
    world.replica.opened();
    await world.advance(9_900);
    expect(world.lives(sid)).toBe(true);
    await world.advance(1_200);
    expect(world.lives(sid)).toBe(false);
  });

  it('of an earlier session do not linger in the slot that a new one takes over', async () => {
    const world = await World.start();
    const first = await world.open(1, 2_000);
    world.replica.attachments.open(first);
    await world.submit({ kind: 'CloseSession', sid: first, reason: 2 });
    const second = await world.open(2, 2_000);
    await world.advance(3_000);
    expect(world.lives(second)).toBe(false);
  });

  it('lets nobody expire while the server drains, as nobody can renew then', async () => {
    const world = await World.start({ graceMs: 1_000 });
    const [renewing, attached] = [await world.open(1, 1_000), await world.open(2, 1_000)];
    world.replica.attachments.open(attached);
    world.replica.attachments.drain();
    await world.advance(10_000);
    expect([world.lives(renewing), world.lives(attached)]).toEqual([true, true]);
  });
});
