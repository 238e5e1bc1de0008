import { describe, expect, it } from '@jest/globals';
import { TwoServers } from './two-servers.js';

/** In which the second server leads, at most; -1: it does not within a minute. */
async function takeoverMs(world: TwoServers): Promise<number> {
  for (let passedMs = 0; passedMs < 60_000; passedMs += 100) {
    if (world.servers.get('b')?.member.role === 'leading') return passedMs;
    await world.pass(100);
  }
  return -1;
}

describe('a follower of a server that leads', () => {
  it('waits for its lease, also where the machine of that one refuses: it may be a firewall', async () => {
    const world = new TwoServers();
    await world.beginBoth();
    world.kill('a');
    const ms = await takeoverMs(world);
    expect(ms).toBeGreaterThan(2_400);
    expect(ms).toBeLessThan(4_500);
    expect(world.failed).toEqual([]);
  });

  it('waits for its lease where its machine says nothing', async () => {
    const world = new TwoServers();
    await world.beginBoth();
    world.cut();
    world.kill('a');
    const ms = await takeoverMs(world);
    expect(ms).toBeGreaterThan(2_400);
    expect(ms).toBeLessThan(4_500);
  });

  it('takes nothing over from one that lives and refuses, before that has ended its term itself', async () => {
    const world = new TwoServers();
    const [leader] = await world.beginBoth();
    world.refuse('a');
    await world.pass(3_000);
    world.ways.set('a', (request) => ({ kind: request === 'keepAlive' ? 'lost' : 'passes' }));
    const leads = () => world.servers.get('b')?.member.role === 'leading';
    for (let passedMs = 0; passedMs < 6_000 && !leads(); passedMs += 10) await world.pass(10);
    expect([leads(), leader.member.role]).toEqual([true, 'over']);
    expect(world.failed).toEqual([expect.objectContaining({ kind: 'deposed' })]);
  });

  it('takes nothing over from one that lives and refuses its connections, as behind a firewall', async () => {
    const world = new TwoServers();
    const [leader] = await world.beginBoth();
    world.refuse('a');
    await world.pass(60_000);
    expect(leader.member.role).toBe('leading');
    expect(world.failed).toEqual([]);
  });

  it('takes nothing over from one that lives, however long it cannot reach it', async () => {
    const world = new TwoServers();
    await world.beginBoth();
    world.cut();
    await world.pass(30_000);
    expect(world.servers.get('a')?.member.role).toBe('leading');
  });
});
