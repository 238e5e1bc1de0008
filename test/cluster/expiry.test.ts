import { describe, expect, it } from '@jest/globals';
import { openingAt } from '../../harness/simulation/cluster/opening.js';
import { isFault } from '../../src/core/model/fault.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { TwoServers } from './two-servers.js';

const TTL_MS = 10_000;
const UUID = '00000000-0000-4000-8000-000000000001';

describe('the expiry of a session at a follower', () => {
  it('is not stored by that server when it leads, after the session was renewed at the leader before', async () => {
    const world = new TwoServers();
    for (const name of ['s1', 's2']) {
      world.begin(name);
      await world.pass(3_000);
    }
    const [leader, home] = ['s1', 's2'].map((name) => world.servers.get(name)!);
    const opening = openingAt(home, UUID, TTL_MS);
    if (isFault(opening)) throw opening;
    const opened = home.replica.submit(opening);
    await world.pass(100);
    const outcome = await opened;
    const [change] = isFault(outcome) ? [] : outcome.changes;
    if (change?.kind !== 'SessionOpened') throw new Error('the session was not opened');
    const { sid } = change.session;
    expect(leader.replica.homes.nameElsewhere(sid)).toBe('s2');
    // The home proposes the end, and the leader cannot store it.
    world.ways.set('s1', (request) => ({ kind: request === 'commit' ? 'lost' : 'passes' }));
    await world.pass(TTL_MS + 3_000);
    expect([leader.replica.renew(sid), home.replica.renew(sid)]).toEqual([true, false]);
    world.kill('s1');
    const leads = () => home.member.role === 'leading';
    for (let passedMs = 0; passedMs < 6_000 && !leads(); passedMs += 10) await world.pass(10);
    expect(leads()).toBe(true);
    await world.pass(1_000);
    expect([home.replica.state.sessions.has(sid), home.replica.renew(sid)]).toEqual([true, true]);
    // A change of the leader gives every session its grace.
    await world.pass(DEFAULT_REPLICA_LIMITS.graceMs + 5_000);
    expect(home.replica.state.sessions.has(sid)).toBe(false);
    expect(world.failed).toEqual([]);
  });
});
