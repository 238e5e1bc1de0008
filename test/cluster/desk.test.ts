import { describe, expect, it } from '@jest/globals';
import {
  AHEAD_MAX,
  CALM_MS,
  MESSAGE_ITEMS_MAX,
  ORIGINS_PER_SERVER_MAX,
  RECORD_BYTES_MAX,
  ROSTER_MAX,
  SILENCE_MS,
  TAKEN_MAX,
  unheardMs,
} from '../../src/cluster/limits.js';
import { Origins } from '../../src/cluster/origins.js';
import { UnheardRenewals } from '../../src/cluster/unheard-renewals.js';
import { RULES_MAX } from '../../src/core/model/rules.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import { APPEND_BYTES_MAX, REQUEST_BYTES_MAX } from '../../src/log/etcd/limits.js';
import { DeskWorld, message, recordOf } from './desk-world.js';

const urgent = false;

describe("what a leader takes of its followers' messages", () => {
  it('takes a command once, over one link and over the next', () => {
    const world = new DeskWorld();
    const commands = [{ count: 1, record: recordOf(9), urgent }];
    world.connect().received(message({ commands }));
    world.connect().received(message({ commands }));
    expect(world.taken).toHaveLength(1);
  });

  it('decides no command before everything is applied here that its follower had applied', () => {
    const world = new DeskWorld();
    world.revision = 10;
    const handler = world.connect();
    const commands = [{ count: 1, record: recordOf(3), urgent }];
    handler.received(message({ revision: 12, commands }));
    handler.received(message({ revision: 12, commands }));
    world.revision = 11;
    world.desk.applied();
    world.clock.advance(0);
    expect(world.taken).toEqual([]);
    world.revision = 12;
    world.desk.applied();
    world.clock.advance(0);
    expect(world.taken).toHaveLength(1);
  });

  it('refuses a command whose checksum is wrong, and takes the others of the message', () => {
    const world = new DeskWorld();
    const damaged = Uint8Array.from(recordOf(9));
    damaged[0] ^= 1;
    const { received, link } = world.connect();
    received(
      message({
        commands: [
          { count: 1, record: damaged, urgent },
          { count: 2, record: recordOf(9), urgent },
        ],
      }),
    );
    world.clock.advance(1);
    expect(world.taken).toHaveLength(1);
    expect(link.refusals).toEqual([{ count: 1, revision: 0, fault: expect.objectContaining({ reason: 'INTERNAL' }) }]);
    expect(link.rejected).toEqual([]);
  });

  it('refuses a command that is larger than can be stored', () => {
    const world = new DeskWorld();
    const { received, link } = world.connect();
    received(message({ commands: [{ count: 1, record: new Uint8Array(RECORD_BYTES_MAX + 1), urgent }] }));
    world.clock.advance(1);
    expect(world.taken).toEqual([]);
    expect(link.refusals[0].fault).toMatchObject({ reason: 'FIELD_INVALID' });
    expect(link.refusals[0].fault?.message).toContain(String(RECORD_BYTES_MAX));
  });

  it('takes no command that would not fit an append to etcd that has room for one more', () => {
    expect(APPEND_BYTES_MAX + RECORD_BYTES_MAX).toBeLessThan(REQUEST_BYTES_MAX);
  });

  it.each([
    ['more commands than a message may have', { commands: many((count) => ({ count, record: recordOf(9), urgent })) }],
    ['more questions than a message may have', { asked: many((sid) => sid) }],
    ['more attachments than a message may have', { attached: many((sid) => sid) }],
    ['a revision that no follower can have', { revision: AHEAD_MAX + 1 }],
    ['attachments without their ages', { attached: [1], attachedMs: [] }],
    ['a name that cannot be shown', { server: 'a\u0007b' }],
    ['no name', { server: '' }],
    ['a name that is too long', { server: 'n'.repeat(254) }],
    ['an incarnation of 0', { incarnation: 0 }],
  ])('ends a link over which comes %s', (_what, given) => {
    const world = new DeskWorld();
    const { received, link } = world.connect();
    received(message(given));
    expect(link.rejected).toHaveLength(1);
    expect(link.heard).toEqual([]);
    expect(world.taken).toEqual([]);
  });

  it('takes a server of an earlier build with whatever name it has', () => {
    const world = new DeskWorld();
    const { received, link } = world.connect();
    received(message({ server: 'büro 1/b' }));
    expect(link.rejected).toEqual([]);
  });

  it('ends a link over which more commands wait than a process may have', () => {
    const world = new DeskWorld();
    const { received, link } = world.connect();
    const record = recordOf(9);
    for (let from = 0; from <= TAKEN_MAX; from += MESSAGE_ITEMS_MAX) {
      received(message({ commands: many((at) => ({ count: from + at, record, urgent })).slice(0, MESSAGE_ITEMS_MAX) }));
    }
    expect(link.rejected).toEqual([`commands: ${TAKEN_MAX} wait already`]);
    expect(world.taken).toHaveLength(TAKEN_MAX);
  });

  it('ends the link of a server that uses the incarnation of another', () => {
    const world = new DeskWorld();
    world.connect().received(message());
    const { received, link } = world.connect();
    received(message({ server: 'c' }));
    expect(link.rejected).toHaveLength(1);
  });
});

describe('what a leader says of sessions that it is asked for', () => {
  const SID = 9;

  function ask({ received, link }: ReturnType<DeskWorld['connect']>) {
    received(message({ asked: [SID] }));
    const { attached, absent } = link.heard.at(-1)!;
    return { attached, absent };
  }

  it('says of none that it is attached nowhere before the followers of the leader before have come over', () => {
    const world = new DeskWorld();
    world.sessions.add(SID);
    const follower = world.connect();
    expect(ask(follower)).toEqual({ attached: [SID], absent: [] });
    expect(world.desk.mayBeHeld(SID)).toBe(true);
    world.clock.advance(CALM_MS);
    expect(ask(follower)).toEqual({ attached: [], absent: [SID] });
    expect(world.desk.mayBeHeld(SID)).toBe(false);
  });

  it('says of none that it is attached nowhere while a follower whose link broke may come back', () => {
    const world = new DeskWorld();
    world.sessions.add(SID);
    world.clock.advance(CALM_MS);
    const [follower, other] = [world.connect(), world.connect()];
    follower.received(message({ attached: [SID] }));
    follower.closed();
    expect(ask(other)).toEqual({ attached: [SID], absent: [] });
    world.clock.advance(CALM_MS);
    expect(ask(other)).toEqual({ attached: [], absent: [SID] });
  });
});

describe('until when a server may have renewed sessions that the leader does not hear', () => {
  const UNHEARD_MS = unheardMs(5_000);

  it('is some time after its link broke, and not later than when another process of that name has come', () => {
    const world = new DeskWorld();
    const [first, second] = [world.connect(), world.connect()];
    expect(world.desk.unheardUntilMs).toBe(Number.NEGATIVE_INFINITY);
    first.received(message({ incarnation: 7 }));
    world.clock.advance(1_000);
    first.closed();
    expect(world.desk.unheardUntilMs).toBe(1_000 + UNHEARD_MS);
    world.clock.advance(500);
    second.received(message({ incarnation: 8 }));
    expect(world.desk.unheardUntilMs).toBe(1_500);
    world.clock.advance(1_000);
    second.closed();
    world.connect().received(message({ incarnation: 8 }));
    expect(world.desk.unheardUntilMs).toBe(1_500);
  });

  it('is nothing that matters once the process has told over another link what it has renewed', () => {
    const world = new DeskWorld();
    const [first, second] = [world.connect(), world.connect()];
    first.received(message());
    first.closed();
    expect(world.desk.unheardUntilMs).toBe(UNHEARD_MS);
    second.received(message());
    expect(world.desk.unheardUntilMs).toBe(Number.NEGATIVE_INFINITY);
  });

  it('is nothing for a process that has said that it renews nothing more', () => {
    const world = new DeskWorld();
    const { received, closed } = world.connect();
    received(message());
    received(message({ leaves: true }));
    closed();
    expect(world.desk.unheardUntilMs).toBe(Number.NEGATIVE_INFINITY);
  });

  it('is not counted from the end of a link whose process has come over another one before', () => {
    const world = new DeskWorld();
    const [first, second] = [world.connect(), world.connect()];
    first.received(message());
    second.received(message());
    first.closed();
    expect(world.desk.unheardUntilMs).toBe(Number.NEGATIVE_INFINITY);
    second.closed();
    expect(world.desk.unheardUntilMs).toBe(UNHEARD_MS);
  });

  it('is the same time after a term has begun, whichever process of a server comes then', () => {
    const world = new DeskWorld({ hasOthers: true });
    world.connect().received(message());
    expect(world.desk.unheardUntilMs).toBe(UNHEARD_MS);
  });

  it('is kept of more servers than share a network, in no more room', () => {
    const unheard = new UnheardRenewals(UNHEARD_MS);
    for (let nth = 0; nth <= ROSTER_MAX; nth++) unheard.gone({ name: `s${nth}`, incarnation: nth + 1 }, nth);
    for (let nth = 1; nth <= ROSTER_MAX; nth++) unheard.back({ name: `s${nth}`, incarnation: nth + 1 }, ROSTER_MAX);
    expect(unheard.untilMs).toBe(UNHEARD_MS);
  });
});

describe('a command that a follower of a later build forwards', () => {
  it('is refused as one that can be tried again, because the leader may be upgraded', () => {
    const world = new DeskWorld();
    const { received, link } = world.connect();
    const { bytes: record } = encodeRecord(1, { kind: 'UseRules', rules: RULES_MAX + 1 });
    received(message({ commands: [{ count: 1, record, urgent: true }] }));
    world.clock.turn();
    expect(link.heard.flatMap(({ refusals }) => refusals)).toMatchObject([
      { count: 1, fault: { reason: 'JOURNAL_UNAVAILABLE', retryAfterMs: 10_000 } },
    ]);
  });
});

describe('a session that two servers take for attached', () => {
  const SID = 9;
  const LATER = message({ attached: [SID], attachedMs: [100] });
  const EARLIER = message({ server: 'c', incarnation: 8, attached: [SID], attachedMs: [5_000] });

  it.each([
    ['b', 'first', [EARLIER, LATER]],
    ['b', 'last', [LATER, EARLIER]],
    ['c', 'first', [LATER, EARLIER]],
    ['c', 'last', [EARLIER, LATER]],
  ])('is held by its home %s, also when the other one tells of it %s', (home, _, messages) => {
    const world = new DeskWorld();
    world.sessions.add(SID);
    world.homeName = home;
    const links = messages.map((one) => ({ one, at: world.connect() }));
    for (const { one, at } of links) at.received(one);
    expect(world.held).toEqual([SID]);
    expect(links.flatMap(({ at }) => at.link.heard.flatMap(({ replaced }) => replaced))).toEqual([]);
    for (const { one, at } of links) if (one.server !== home) at.closed();
    expect(world.desk.isHeld(SID)).toBe(true);
  });

  it('is held by nobody once it has moved, until its new home tells of it', () => {
    const world = new DeskWorld();
    world.sessions.add(SID);
    const [former, next] = [world.connect(), world.connect()];
    former.received(LATER);
    world.homeName = 'c';
    world.desk.moved(SID);
    expect(world.desk.isHeld(SID)).toBe(false);
    next.received(EARLIER);
    expect(world.desk.isHeld(SID)).toBe(true);
  });

  it('is at the leader when it was attached there last', () => {
    const world = new DeskWorld();
    world.sessions.add(SID);
    world.attached.set(SID, -50);
    const { received, link } = world.connect();
    received(LATER);
    expect(link.heard.flatMap(({ replaced }) => replaced)).toEqual([SID]);
    expect(world.replaced).toEqual([]);
    expect(world.desk.isHeld(SID)).toBe(false);
  });
});

describe('the leases of sessions that are renewed at a follower', () => {
  it('are told of to the server that the session is at, once, and not to the one that told', () => {
    const world = new DeskWorld();
    const [home, other] = [world.connect(), world.connect()];
    home.received(message({ renewed: [1] }));
    other.received(message({ server: 'c', incarnation: 8, renewed: [2] }));
    world.desk.renewed(3);
    home.received(message());
    home.received(message());
    expect(home.link.heard.map(({ renewed }) => renewed)).toEqual([[], [2, 3], []]);
    expect(other.link.heard.map(({ renewed }) => renewed)).toEqual([[]]);
  });

  it('begin anew when its link breaks, because what was renewed in its last beat is not known', () => {
    const world = new DeskWorld();
    const [follower, other] = [world.connect(), world.connect()];
    follower.received(message({ renewed: [1, 2, 3] }));
    other.received(message({ server: 'c', incarnation: 8, renewed: [2] }));
    world.desk.renewed(3);
    world.renewed.length = 0;
    follower.closed();
    expect(world.renewed).toEqual([1]);
  });

  it('begin anew once, and not again when the next link breaks over which nothing came', () => {
    const world = new DeskWorld();
    const follower = world.connect();
    follower.received(message({ renewed: [1] }));
    follower.closed();
    world.renewed.length = 0;
    world.connect().closed();
    expect(world.renewed).toEqual([]);
  });
});

describe('the processes that are known in one term', () => {
  it('are so many of one server at most, and of those the newest', () => {
    const origins = new Origins();
    const other = origins.of({ server: 'c', incarnation: 1_000, floor: 1 });
    for (let incarnation = 1; incarnation <= 3 * ORIGINS_PER_SERVER_MAX; incarnation++) {
      origins.of({ server: 'b', incarnation, floor: 1 })?.taken.set(1, undefined);
    }
    expect(origins.size).toBe(ORIGINS_PER_SERVER_MAX + 1);
    expect(origins.of({ server: 'b', incarnation: 3 * ORIGINS_PER_SERVER_MAX, floor: 1 })?.taken.size).toBe(1);
    expect(origins.of({ server: 'c', incarnation: 1_000, floor: 1 })).toBe(other);
  });
});

function many<T>(make: (nth: number) => T): T[] {
  return Array.from({ length: MESSAGE_ITEMS_MAX + 1 }, (_, at) => make(at + 1));
}

describe('two servers of one name', () => {
  it('rejects a follower that has the name of the server that leads, and takes nothing of it', () => {
    const world = new DeskWorld();
    const { received, link } = world.connect();
    received(message({ server: 'a', commands: [{ count: 1, record: recordOf(9), urgent }] }));
    expect(link.rejected).toEqual(['server: a is the name of the server that leads']);
    expect([world.taken, world.desk.names]).toEqual([[], []]);
  });

  it('rejects a second process of the name of one that was heard of lately, and takes it when that one is silent', () => {
    const world = new DeskWorld();
    const [first, second] = [world.connect(), world.connect()];
    first.received(message({ incarnation: 7 }));
    second.received(message({ incarnation: 8 }));
    expect(second.link.rejected).toEqual(['server: another process that follows is called b']);
    world.clock.advance(SILENCE_MS + 1);
    const third = world.connect();
    third.received(message({ incarnation: 8 }));
    expect(third.link.rejected).toEqual([]);
  });

  it('takes a process that comes over another link while its first one still stands', () => {
    const world = new DeskWorld();
    const [first, second] = [world.connect(), world.connect()];
    first.received(message({ incarnation: 7 }));
    second.received(message({ incarnation: 7 }));
    expect([first.link.rejected, second.link.rejected]).toEqual([[], []]);
  });
});
