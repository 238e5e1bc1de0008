import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import type { Random } from '../../src/base/clock.js';
import { Forwarder } from '../../src/cluster/forwarder.js';
import { BEAT_MS, CHANGE_MS, cutOffMs, LINK_SILENCE_MS, REDIAL_MS_MAX } from '../../src/cluster/limits.js';
import { LocalNews } from '../../src/cluster/local-news.js';
import type { DialLeader, FollowerMessage, LinkOwner } from '../../src/cluster/peers.js';
import { ServerAddresses } from '../../src/cluster/server-addresses.js';
import { Fault } from '../../src/core/model/fault.js';

const NOTHING = { refusals: [], replaced: [], attached: [], absent: [], renewed: [] };
const LEADER = { name: 'a', term: 5n, address: 'a:1' };
const LEADER_TTL_MS = 5_000;
const random: Random = { bytes: (count) => new Uint8Array(count).fill(7), fraction: () => 0.5 } as Random;

/** A follower of the leader `a`, who answers so late, or not at all. */
function makeFollower() {
  const clock = new ManualClock();
  const sent: FollowerMessage[] = [];
  const world = { dialled: 0, answersAfterMs: Number.POSITIVE_INFINITY, answer: () => {} };
  const dial: DialLeader = (_leader, owner: LinkOwner) => {
    world.dialled++;
    let isOpen = true;
    world.answer = () => {
      if (isOpen) owner.received(NOTHING);
    };
    return {
      send: (message) => {
        sent.push(message);
        if (world.answersAfterMs === Number.POSITIVE_INFINITY) return;
        clock.after(world.answersAfterMs, world.answer);
      },
      close: () => {
        isOpen = false;
      },
    };
  };
  const news = new LocalNews({
    clock,
    replace: () => {},
    renewedElsewhere: () => {},
    attachedElsewhere: () => {},
    attached: () => [],
    attachedSinceMs: () => undefined,
  });
  const forwarder = new Forwarder({
    ...{ clock, random, address: 'b:1', dial, news, pendingMax: 10 },
    roster: new ServerAddresses(() => ({ name: 'b', peerAddress: 'b:1', addresses: [], attachedCount: 0 })),
    cutOffMs: cutOffMs(LEADER_TTL_MS),
    revision: () => 0,
    tryOut: () => new Fault('SESSION_NOT_FOUND', 'none'),
  });
  return { clock, forwarder, news, sent, world };
}

describe('a follower whose leader is silent', () => {
  it('gives each new link the time to be answered, so that it comes back to a leader that lives', () => {
    const { clock, forwarder, world } = makeFollower();
    forwarder.reached(LEADER);
    // Long enough that links are dialled as rarely as they ever are.
    clock.advance(LINK_SILENCE_MS + 20 * REDIAL_MS_MAX);
    world.answersAfterMs = BEAT_MS + 300;
    clock.advance(2 * LINK_SILENCE_MS);
    expect(forwarder.silentMs).toBeLessThan(2 * BEAT_MS);
    const { dialled } = world;
    clock.advance(2 * LINK_SILENCE_MS);
    expect(world.dialled).toBe(dialled);
  });

  it('hears of no server, not even of one without a name, until its leader has answered', () => {
    const { clock, forwarder, world } = makeFollower();
    expect(forwarder.reachedNames).toEqual([]);
    world.answersAfterMs = 1;
    forwarder.reached(LEADER);
    clock.advance(2 * BEAT_MS);
    expect(forwarder.reachedNames).toEqual(['a']);
  });

  it('dials again when nothing came over a link for so long', () => {
    const { clock, forwarder, world } = makeFollower();
    forwarder.reached(LEADER);
    clock.advance(LINK_SILENCE_MS - BEAT_MS);
    expect(world.dialled).toBe(1);
    clock.advance(3 * BEAT_MS);
    expect(world.dialled).toBe(2);
  });

  it('has not heard of it by what lay unread while its own process stood still, and dials again', () => {
    const { clock, forwarder, world } = makeFollower();
    world.answersAfterMs = 1;
    forwarder.reached(LEADER);
    clock.advance(2 * BEAT_MS);
    clock.freeze(60_000);
    world.answer();
    expect(forwarder.silentMs).toBeGreaterThanOrEqual(60_000);
    clock.advance(2 * REDIAL_MS_MAX);
    expect(world.dialled).toBe(2);
    expect(forwarder.silentMs).toBeLessThan(2 * BEAT_MS);
  });

  it('keeps what waits for as long as a leader that died is waited for, and refuses it then', async () => {
    const { clock, forwarder } = makeFollower();
    const outcome = forwarder.carry({ kind: 'CloseSession', sid: 1, reason: 2 }, false);
    clock.advance(LEADER_TTL_MS + CHANGE_MS - BEAT_MS);
    expect(forwarder.waiting).toBe(1);
    clock.advance(3 * BEAT_MS);
    expect(await outcome).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE' });
  });
});

describe('what became of forwarded commands', () => {
  it('counts as settled what came in the log, and not what was refused because nobody leads', async () => {
    const { clock, forwarder, sent } = makeFollower();
    const unsent = forwarder.carry({ kind: 'CloseSession', sid: 1, reason: 2 }, false);
    clock.advance(2 * cutOffMs(LEADER_TTL_MS));
    expect(await unsent).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE' });
    expect(forwarder.fates).toEqual({ settled: 0, again: 0, refused: 0 });
    forwarder.reached(LEADER);
    const stored = forwarder.carry({ kind: 'CloseSession', sid: 1, reason: 2 }, false);
    clock.turn();
    const { incarnation, commands } = sent.findLast((one) => one.commands.length > 0)!;
    const tag = (BigInt(incarnation) << 32n) | BigInt(commands[0].count);
    forwarder.applied(tag, { revision: 1, changes: [] });
    forwarder.applied(tag, { revision: 1, changes: [] });
    expect(await stored).toMatchObject({ revision: 1 });
    expect(forwarder.fates).toEqual({ settled: 1, again: 0, refused: 0 });
  });
});
