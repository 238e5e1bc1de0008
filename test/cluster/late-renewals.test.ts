import { describe, expect, it } from '@jest/globals';
import { openingAt } from '../../harness/simulation/cluster/opening.js';
import type { ClusterServer } from '../../harness/simulation/cluster/server.js';
import { BEAT_MS, LEASE_SLACK_MS } from '../../src/cluster/limits.js';
import { isFault } from '../../src/core/model/fault.js';
import { DeskWorld, message } from './desk-world.js';
import { TwoServers } from './two-servers.js';

const TTL_MS = 5_000;
const SESSIONS = 300;
const STEP_MS = 50;
/** How long after the leader's look at its leases the follower's beat comes: the worst that can be. */
const APART_MS = 400;
/** Until leases have ended that nothing holds up. */
const OVER_MS = 20_000;

/** Opens a session at a server, without waiting for it. */
function openAt(server: ClusterServer, nth: number, opened: (sid: number) => void): void {
  const opening = openingAt(server, `00000000-0000-4000-8000-${`${nth}`.padStart(12, '0')}`, TTL_MS);
  if (isFault(opening)) throw opening;
  void server.replica.submit(opening).then((outcome) => {
    const [change] = isFault(outcome) ? [] : outcome.changes;
    if (change?.kind === 'SessionOpened') opened(change.session.sid);
  });
}

/** Begins two servers, of which the first leads. */
async function beginApart(world: TwoServers): Promise<readonly [ClusterServer, ClusterServer]> {
  world.begin('a');
  await world.pass(3_000 + APART_MS);
  world.begin('b');
  await world.pass(20_000);
  return [world.servers.get('a')!, world.servers.get('b')!];
}

describe('a leader that hears its follower late', () => {
  it('lets no session end within its TTL after the follower has renewed it, and lets each end once it hears in time', async () => {
    const world = new TwoServers();
    const [leader, follower] = await beginApart(world);
    const { scheduler } = world;
    const renewedMs = new Map<number, number>();
    world.slow(true);
    for (let nth = 1; nth <= SESSIONS; nth++) {
      openAt(leader, nth, (sid) => {
        scheduler.after(TTL_MS - 1, () => {
          if (follower.replica.renew(sid)) renewedMs.set(sid, scheduler.nowMs);
        });
      });
      await world.pass(STEP_MS);
    }
    const livedMs = new Map<number, number>();
    const look = async () => {
      await world.pass(STEP_MS);
      for (const [sid, atMs] of renewedMs)
        if (!livedMs.has(sid) && !leader.state.sessions.has(sid)) livedMs.set(sid, scheduler.nowMs - atMs);
    };
    for (let ms = 0; ms < 2 * TTL_MS; ms += STEP_MS) await look();
    world.slow(false);
    for (let ms = 0; ms < OVER_MS; ms += STEP_MS) await look();
    expect(Math.min(...livedMs.values())).toBeGreaterThanOrEqual(TTL_MS);
    expect([renewedMs.size, livedMs.size]).toEqual([SESSIONS, SESSIONS]);
  });
});

describe('what a leader knows of the renewals at a follower', () => {
  it('is as old as the newest of its own messages that the follower had when it told them', () => {
    const { desk, clock, connect } = begin();
    const { received } = connect();
    expect(desk.mayExpire).toBe(false);
    received(message({ heard: 0 }));
    expect(desk.mayExpire).toBe(false);
    clock.advance(BEAT_MS);
    received(message({ heard: 1 }));
    expect(desk.mayExpire).toBe(true);
    clock.advance(LEASE_SLACK_MS - BEAT_MS + 1);
    received(message({ heard: 1 }));
    expect(desk.mayExpire).toBe(false);
    received(message({ heard: 2 }));
    expect(desk.mayExpire).toBe(true);
  });

  it('is as old as a beat when a follower of an earlier build is heard', () => {
    const { desk, clock, connect } = begin();
    connect().received(message());
    clock.advance(LEASE_SLACK_MS - BEAT_MS);
    expect(desk.mayExpire).toBe(true);
    clock.advance(1);
    expect(desk.mayExpire).toBe(false);
  });

  it('is nothing by a follower that says it has heard more than was sent: that one is rejected', () => {
    const { desk, connect } = begin();
    const { link, received } = connect();
    received(message({ heard: 1 }));
    expect(link.rejected).toEqual(['heard: 1; 0 messages were sent']);
    expect(desk.mayExpire).toBe(false);
  });
});

function begin() {
  const world = new DeskWorld();
  return { desk: world.desk, clock: world.clock, connect: () => world.connect() };
}
