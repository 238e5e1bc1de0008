import { describe, expect, it } from '@jest/globals';
import { LAG_MS_MAX } from '../../src/cluster/limits.js';
import { TwoServers } from './two-servers.js';

describe('a leader whose process has stood still for longer than its term', () => {
  it('vouches for no session in the first moment in which it goes on, before it knows that it leads no more', async () => {
    const world = new TwoServers();
    const [a] = await world.beginBoth();
    expect([a.member.role, a.isInTouch]).toEqual(['leading', true]);
    a.process.stop();
    await world.pass(60_000);
    // What a socket brings may be handled before any timer.
    expect([a.member.role, a.isInTouch]).toEqual(['leading', false]);
    a.process.proceed();
    await world.pass(1_000);
    expect([a.member.role, a.isInTouch]).toEqual(['over', false]);
    expect(world.failed).toMatchObject([{ kind: 'deposed' }]);
  });
});

describe('a follower that reaches the leader and not etcd', () => {
  it('lets its sessions go once it cannot tell what has happened to them, and is in touch again with etcd', async () => {
    const world = new TwoServers();
    const [, b] = await world.beginBoth();
    expect([b.member.role, b.isInTouch]).toEqual(['following', true]);
    world.ways.set('b', () => ({ kind: 'lost' }));
    await world.pass(LAG_MS_MAX + 1_000);
    expect(b.isInTouch).toBe(false);
    world.ways.delete('b');
    await world.pass(3_000);
    expect(b.isInTouch).toBe(true);
    expect(world.failed).toEqual([]);
  });
});
