import { describe, expect, it } from '@jest/globals';
import { LAG_MS_MAX } from '../../src/cluster/limits.js';
import { TwoServers } from './two-servers.js';

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
