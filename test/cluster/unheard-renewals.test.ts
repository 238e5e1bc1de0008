import { describe, expect, it } from '@jest/globals';
import { openingAt } from '../../harness/simulation/cluster/opening.js';
import type { ClusterServer } from '../../harness/simulation/cluster/server.js';
import { isFault } from '../../src/core/model/fault.js';
import { TwoServers } from './two-servers.js';

const STEP_MS = 100;
/** By which a session that nobody renews any more has ended, from its last renewal on. */
const OVER_MS = 120_000;

/** A session that was just opened at a server. */
async function openAt(world: TwoServers, server: ClusterServer, ttlMs: number): Promise<number> {
  const opening = openingAt(server, '00000000-0000-4000-8000-000000000001', ttlMs);
  if (isFault(opening)) throw opening;
  const opened = server.replica.submit(opening);
  await world.pass(STEP_MS);
  const outcome = await opened;
  const [change] = isFault(outcome) ? [] : outcome.changes;
  if (change?.kind !== 'SessionOpened') throw new Error('the session was not opened');
  return change.session.sid;
}

/** Renews a session at a server for as long as that vouches for it. */
async function renewWhileInTouch(world: TwoServers, server: ClusterServer, sid: number): Promise<void> {
  for (; server.isInTouch; await world.pass(STEP_MS)) expect(server.replica.renew(sid)).toBe(true);
}

/** For how long a session lives on at a server. */
async function lifeMs(world: TwoServers, server: ClusterServer, sid: number): Promise<number> {
  let passedMs = 0;
  for (; server.replica.state.sessions.has(sid) && passedMs < OVER_MS; passedMs += STEP_MS) await world.pass(STEP_MS);
  return passedMs;
}

/** So many servers, of which the first leads. */
async function begin(world: TwoServers, names: readonly string[]): Promise<readonly ClusterServer[]> {
  for (const name of names) {
    world.begin(name);
    await world.pass(3_000);
  }
  return names.map((name) => world.servers.get(name)!);
}

describe('a session that is renewed at a follower without a way to the leader', () => {
  it.each([
    ['the leader', 0],
    ['that follower', 1],
    ['another follower', 2],
  ])('lives for its TTL from its last renewal there, at home at %s, and ends after that', async (_, home) => {
    const world = new TwoServers();
    const servers = await begin(world, ['s1', 's2', 's3']);
    const sid = await openAt(world, servers[home], 20_000);
    world.cut('s1', 's2');
    await renewWhileInTouch(world, servers[1], sid);
    const ms = await lifeMs(world, servers[0], sid);
    expect(ms).toBeGreaterThanOrEqual(20_000 - STEP_MS);
    expect(ms).toBeLessThan(OVER_MS);
    expect(world.failed).toEqual([]);
  });

  it.each([
    [20_000, 500, 8_000],
    [20_000, 1_000, 12_000],
    [60_000, 1_000, 8_000],
    [60_000, 2_500, 12_000],
  ])(
    'lives for its TTL of %d ms, renewed %d ms after the cut that is over after %d ms',
    async (ttlMs, renewedMs, healedMs) => {
      const world = new TwoServers();
      const [leader, follower] = await begin(world, ['s1', 's2', 's3']);
      const sid = await openAt(world, leader, ttlMs);
      await world.pass(ttlMs - 5_000);
      world.cut('s1', 's2');
      await world.pass(renewedMs);
      expect(follower.replica.renew(sid)).toBe(true);
      await world.pass(healedMs - renewedMs);
      world.heal();
      const ms = healedMs - renewedMs + (await lifeMs(world, leader, sid));
      expect(ms).toBeGreaterThanOrEqual(ttlMs);
      expect(ms).toBeLessThan(OVER_MS);
      expect(world.failed).toEqual([]);
    },
  );

  it('lives for its TTL from its last renewal at a follower that is stopped in order, and not longer for that', async () => {
    const world = new TwoServers();
    const [leader, follower] = await begin(world, ['s1', 's2', 's3']);
    const sid = await openAt(world, leader, 5_000);
    await world.pass(3_000);
    expect(follower.replica.renew(sid)).toBe(true);
    const ended = follower.end();
    await world.pass(STEP_MS);
    await ended;
    expect(follower.isInTouch).toBe(false);
    world.kill('s2');
    const ms = await lifeMs(world, leader, sid);
    expect(ms).toBeGreaterThanOrEqual(5_000 - STEP_MS);
    // Its TTL, the slack of leases, and the time until expiries are looked at.
    expect(ms).toBeLessThan(9_000);
    expect(world.failed).toEqual([]);
  });

  it('lives for its TTL from its last renewal there where the leader has made way for a third server', async () => {
    const world = new TwoServers();
    const [leader, follower, next] = await begin(world, ['s1', 's2', 's3']);
    const sid = await openAt(world, next, 60_000);
    // The follower does not see who leads then.
    world.ways.set('s2', () => ({ kind: 'lost' }));
    world.cut('s2', 's3');
    void leader.end();
    await world.pass(STEP_MS);
    world.kill('s1');
    await renewWhileInTouch(world, follower, sid);
    expect(next.member.role).toBe('leading');
    const ms = await lifeMs(world, next, sid);
    expect(ms).toBeGreaterThanOrEqual(60_000 - STEP_MS);
    expect(ms).toBeLessThan(OVER_MS);
  });
});
