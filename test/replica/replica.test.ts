import { describe, expect, it } from '@jest/globals';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { Fault, isFault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { CloseReason } from '../../src/core/model/session.js';
import { capture, rowsOf } from '../../src/core/store/snapshot.js';
import { type Journal, JournalError, type Room, type StoredRecord } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import type { Publisher } from '../../src/replica/publisher.js';
import { recover } from '../../src/replica/recover.js';
import { Replica } from '../../src/replica/replica.js';
import { openCommand, World } from './world.js';

/** A journal that the test can hold up, or make refuse. */
function controlled(journal: Journal): {
  journal: Journal;
  gate: { hold: Promise<void>; error?: Error; appends: number };
} {
  const gate = { hold: Promise.resolve(), error: undefined as Error | undefined, appends: 0 };
  const append = async (records: readonly StoredRecord[]): Promise<void> => {
    gate.appends++;
    await gate.hold;
    if (gate.error !== undefined) throw gate.error;
    await journal.append(records);
  };
  const proxy = new Proxy(journal, {
    get: (target, key) => {
      if (key === 'append') return append;
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { journal: proxy, gate };
}

const rows = (world: World): unknown[] => [...rowsOf(capture(world.replica.state))];

/** A replica that nobody has told yet whom it publishes to. */
async function untold(): Promise<Replica> {
  const journal = new MemoryJournal();
  const { state } = await recover(journal, DEFAULT_LIMITS);
  const fatal = (error: unknown) => {
    throw error;
  };
  const parts = { state, journal, clock: systemClock, random: systemRandom, limits: DEFAULT_REPLICA_LIMITS };
  return new Replica({ ...parts, warn: fatal, fatal });
}

const SERVER_UUID = '00000000-0000-4000-8000-00000000ffff';

describe('the order of publishing', () => {
  it('is the one in which publishers were named, with one moment for all of them', async () => {
    const replica = await untold();
    const told: { name: string; revision: number; atMs: number | undefined }[] = [];
    const named = (name: string): Publisher => ({
      publish: ({ revision }, _changes, atMs) => void told.push({ name, revision, atMs }),
    });
    replica.publishTo(named('first'), named('second'), named('third'));
    await replica.found(SERVER_UUID);
    expect(told.map(({ name, revision }) => `${name} ${revision}`)).toEqual(['first 1', 'second 1', 'third 1']);
    expect(new Set(told.map(({ atMs }) => atMs)).size).toBe(1);
    await replica.close();
  });

  it('can be named once, and no command is taken before it is', async () => {
    const replica = await untold();
    expect(() => replica.submit(openCommand(1))).toThrow('takes commands once it knows whom it publishes to');
    replica.publishTo(replica.leases, replica.deadlines, replica.attachments);
    expect(() => replica.publishTo()).toThrow('told once');
    await replica.close();
  });
});

describe('the replica', () => {
  it('acknowledges, applies and publishes nothing before it is durable', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({}, journal);
    let release = (): void => {};
    gate.hold = new Promise((resolve) => {
      release = resolve;
    });
    let acknowledged = false;
    const outcome = world.replica.submit(openCommand(1)).then((result) => {
      acknowledged = true;
      return result;
    });
    await world.advance(0);
    expect(gate.appends).toBe(2);
    expect([acknowledged, world.replica.state.sessions.count, world.published.length]).toEqual([false, 0, 1]);
    release();
    expect(isFault(await world.settle(outcome))).toBe(false);
    expect([world.replica.state.sessions.count, world.published.length]).toEqual([1, 2]);
  });

  it('refuses commands with the reason for which it has ended, and does those that were taken', async () => {
    const world = await World.start();
    const taken = world.submit(openCommand(1));
    world.replica.end(new Fault('NETWORK_NOT_FOUND', 'the network north was dropped'));
    expect(await world.submit(openCommand(2))).toMatchObject({ reason: 'NETWORK_NOT_FOUND' });
    expect(await taken).toMatchObject({ revision: expect.any(Number) });
  });

  it('closes when the append on its way is done, and does not turn in circles until then', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({}, journal);
    let release = (): void => {};
    gate.hold = new Promise((resolve) => {
      release = resolve;
    });
    const outcome = world.replica.submit(openCommand(1));
    await world.advance(0);
    let turns = 0;
    const soon = world.clock.soon.bind(world.clock);
    world.clock.soon = (call) => {
      turns++;
      soon(call);
    };
    const closed = world.replica.close();
    await world.advance(0);
    expect(turns).toBe(0);
    release();
    await world.settle(closed);
    expect(isFault(await outcome)).toBe(false);
  });

  it('applies the commands of one append in turns of the event loop when they take long, in their order', async () => {
    const world = await World.start({ applyMs: 2 });
    const { clock, published } = world;
    // Applying a command takes a millisecond.
    const nowMs = clock.nowMs.bind(clock);
    clock.nowMs = () => nowMs() + published.length;
    const revisions: number[] = [];
    const perTurn: number[] = [];
    const all = Array.from({ length: 7 }, (_, n) => world.replica.submit(openCommand(n)));
    for (const one of all) void one.then((outcome) => isFault(outcome) || revisions.push(outcome.revision));
    for (let before = published.length, turn = 0; published.length < 8 && turn < 100; turn++) {
      clock.turnOnce();
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (published.length > before) perTurn.push(published.length - before);
      before = published.length;
    }
    expect(perTurn).toEqual([2, 2, 2, 1]);
    await world.settle(Promise.all(all));
    expect(revisions).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(published.map(({ position }) => position.revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('stores what comes while an append is on its way with one append', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({}, journal);
    await world.settle(Promise.all(Array.from({ length: 200 }, (_, n) => world.replica.submit(openCommand(n)))));
    expect(gate.appends).toBe(2);
    expect(world.published.map(({ position }) => position.revision)).toEqual(
      Array.from({ length: 201 }, (_, n) => n + 1),
    );
  });

  it('tells what was on its way that its outcome is unknown, and all others that nothing was stored, when it is abandoned', async () => {
    const journal = new MemoryJournal();
    const world = await World.start({ batchMax: 2 }, journal);
    const append = journal.append.bind(journal);
    let land = () => {};
    journal.append = async (records) => {
      await new Promise<void>((resolve) => {
        land = resolve;
      });
      await append(records);
    };
    const all = Array.from({ length: 4 }, (_, n) => world.replica.submit(openCommand(n)));
    world.clock.turn();
    world.replica.abandon();
    const reasons = (await world.settle(Promise.all(all))).map((outcome) => isFault(outcome) && outcome.reason);
    expect(reasons).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN', 'JOURNAL_UNAVAILABLE', 'JOURNAL_UNAVAILABLE']);
    expect(await world.submit(openCommand(5))).toMatchObject({ reason: 'DRAINING' });
    await world.settle(world.replica.close());
    const told = world.published.length;
    land();
    await world.advance(1);
    expect([journal.last, world.published.length]).toEqual([3, told]);
    expect(world.fatal).toEqual([]);
  });

  it('tells all callers that nothing was stored when another process leads, and ends', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({ batchMax: 1 }, journal);
    gate.error = new JournalError('deposed', 'another leads');
    const outcomes = await world.settle(Promise.all([1, 2].map((n) => world.replica.submit(openCommand(n)))));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE', retryAfterMs: expect.any(Number) });
    }
    expect(world.fatal).toEqual([gate.error]);
  });

  it('changes nothing when the journal is full, says so, and goes on when there is room', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({}, journal);
    gate.error = new JournalError('full', 'no space left on the device');
    const refused = await world.submit(openCommand(1));
    expect(refused).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE', retryAfterMs: expect.any(Number) });
    expect([world.replica.state.revision, world.published.length, world.fatal.length]).toEqual([1, 1, 0]);
    await world.submit(openCommand(2));
    expect(world.writable).toEqual([false]);
    gate.error = undefined;
    expect(await world.open(1)).toBeGreaterThan(0);
    expect(world.writable).toEqual([false, true]);
  });

  it('says that the journal is full when it begins and once a minute, however often it is tried', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({}, journal);
    const refuse = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        await world.submit(openCommand(1));
        await world.advance(1_000);
      }
    };
    gate.error = new JournalError('full', 'no space left on the device');
    await refuse(130);
    expect(world.warnings).toEqual([
      'the journal refused an append of 1 commands',
      'the journal refused an append of 1 commands, and 59 appends before it',
      'the journal refused an append of 1 commands, and 59 appends before it',
    ]);
    gate.error = undefined;
    await world.open(1);
    gate.error = new JournalError('full', 'no space left on the device');
    await refuse(1);
    expect(world.warnings).toHaveLength(4);
  });

  it.each(['failed', 'locked', 'damaged'] as const)(
    'answers nothing, takes nothing more and ends the process when an append is %s',
    async (kind) => {
      const { journal, gate } = controlled(new MemoryJournal());
      const world = await World.start({}, journal);
      gate.error = new JournalError(kind, 'the disk went away');
      let answered = false;
      void world.replica.submit(openCommand(1)).then(() => (answered = true));
      await world.advance(0);
      expect([world.fatal, answered]).toEqual([[gate.error], false]);
      expect(await world.replica.submit(openCommand(2))).toMatchObject({ reason: 'DRAINING' });
      expect(world.warnings).toEqual([]);
    },
  );

  it('ends the process when the journal cannot say whether it stored', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({}, journal);
    gate.error = new Error('the disk went away');
    world.replica.submit(openCommand(1));
    await world.advance(0);
    expect(world.fatal).toEqual([gate.error]);
  });

  it('refuses more commands than may wait, and stores none of those', async () => {
    const world = await World.start({ pendingMax: 3 });
    const outcomes = await world.settle(Promise.all([1, 2, 3, 4, 5].map((n) => world.replica.submit(openCommand(n)))));
    const refused = outcomes.filter(isFault);
    expect(refused.map((fault) => fault.reason)).toEqual(['OVERLOADED', 'OVERLOADED']);
    expect(world.replica.state.revision).toBe(4);
  });

  it('has room for what it has to end itself when it is too busy for clients', async () => {
    const world = await World.start({ pendingMax: 2 });
    const sids = [await world.open(1), await world.open(2), await world.open(3)];
    const asked = [4, 5, 6].map((n) => world.replica.submit(openCommand(n)));
    const ended = sids.map((sid) => world.replica.enforce({ kind: 'CloseSession', sid, reason: CloseReason.EXPIRED }));
    const outcomes = await world.settle(Promise.all([...asked, ...ended]));
    expect(outcomes.map((outcome) => (isFault(outcome) ? outcome.reason : 'done'))).toEqual([
      ...['done', 'done', 'OVERLOADED'],
      ...['done', 'done', 'OVERLOADED'],
    ]);
  });

  it('answers what is refused, or so already, without an append', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({}, journal);
    const [one, two] = [await world.open(1), await world.open(2)];
    const report = { kind: 'ReportLink', sid: one, peer: two, link: 1, established: true } as const;
    await world.submit(report);
    const before = gate.appends;
    expect(await world.submit(report)).toMatchObject({ changes: [] });
    expect(await world.submit({ kind: 'CloseSession', sid: 999_999, reason: 2 })).toMatchObject({
      reason: 'SESSION_NOT_FOUND',
    });
    expect(gate.appends).toBe(before);
  });

  it.each(['submitted here', 'forwarded by another process'])(
    'decides a command %s that would change nothing after those that are being stored, which it was given after',
    async (from) => {
      const { journal, gate } = controlled(new MemoryJournal());
      const world = await World.start({}, journal);
      const [one, two] = [await world.open(1), await world.open(2)];
      let go = () => {};
      gate.hold = new Promise((resolve) => {
        go = resolve;
      });
      const report = { kind: 'ReportLink', sid: one, peer: two, link: 1 } as const;
      const made = world.replica.submit({ ...report, established: true });
      const lost = { ...report, established: false };
      const refused: unknown[] = [];
      if (from === 'submitted here') void world.replica.submit(lost);
      else {
        const forwarded = { command: lost, tag: 1n, urgent: false };
        world.replica.takeForwarded({ ...forwarded, refused: (fault) => refused.push(fault) });
      }
      go();
      await world.settle(made);
      await world.settle(world.replica.submit({ ...report, sid: two, peer: one, established: true }));
      expect(refused).toEqual([]);
      expect(world.replica.state.graph.hasLink({ a: Math.min(one, two), b: Math.max(one, two), link: 1 })).toBe(false);
    },
  );

  it('counts a command that lost its ground after it was stored, and changes nothing', async () => {
    const world = await World.start();
    const sid = await world.open(1);
    const close = { kind: 'CloseSession', sid, reason: 2 } as const;
    const [first, second] = await world.settle(Promise.all([world.replica.submit(close), world.replica.submit(close)]));
    expect(isFault(first)).toBe(false);
    expect(second).toMatchObject({ reason: 'SESSION_NOT_FOUND' });
    expect(world.published.at(-1)).toEqual({ position: world.replica.state.position, changes: [] });
    expect(world.replica.state.revision).toBe(4);
  });

  it('is the same after a restart: epoch, server, sessions, links, streams', async () => {
    const world = await World.start();
    const [one, two] = [await world.open(1), await world.open(2)];
    await world.submit({ kind: 'ReportLink', sid: one, peer: two, link: 1, established: true });
    await world.submit({ kind: 'ReportLink', sid: two, peer: one, link: 1, established: true });
    await world.submit({ kind: 'RequestTermination', sid: one, reason: 'why', deadlineMs: 9_000 });
    const before = rows(world);
    await world.restart();
    expect(rows(world)).toEqual(before);
  });

  it('starts from a snapshot and the commands after it, and keeps the history of two snapshots', async () => {
    const world = await World.start({ snapshotEvery: 10 });
    for (let n = 0; n < 60; n++) {
      await world.open(n);
      await world.advance(0);
    }
    await world.settle(world.replica.close());
    const stored = world.journal.snapshots();
    expect(stored).toHaveLength(2);
    const before = rows(world);
    await world.restart();
    expect(rows(world)).toEqual(before);
    expect(world.published[0].position.revision).toBe(stored[0] + 1);
    expect(world.published.at(-1)?.position.revision).toBe(61);
  });

  it('refuses by its name what a live server of an earlier build could not read, and takes the rest', async () => {
    const readers = { formatMax: 2, rulesMax: 1, formatOf: 'b', rulesOf: 'c' };
    const journal = Object.assign(new MemoryJournal(), { readers });
    const world = await World.start({}, journal);
    const sid = await world.open(1);
    const before = journal.last;
    const renew = { kind: 'RenewEpoch', epoch: 'e' } as const;
    expect(await world.submit(renew)).toMatchObject({
      reason: 'JOURNAL_UNAVAILABLE',
      message: 'RenewEpoch cannot be stored yet: format 4 is needed, and server b reads up to 2: upgrade it first',
      retryAfterMs: 10_000,
    });
    journal.readers = { ...readers, formatMax: 4 };
    expect(await world.submit({ kind: 'UseRules', rules: 2 })).toMatchObject({
      message: 'UseRules cannot be stored yet: rules 2 are needed, and server c knows up to 1: upgrade it first',
    });
    expect([journal.last, journal.format]).toEqual([before, 2]);
    expect(isFault(await world.submit(renew))).toBe(false);
    expect(isFault(await world.submit({ kind: 'CloseSession', sid, reason: 2 }))).toBe(false);
    // What the journal holds every server can read that lives, or it would not.
    journal.readers = readers;
    expect(isFault(await world.submit({ ...renew, epoch: 'f' }))).toBe(false);
  });

  it('goes on when an append is refused because of a server that came meanwhile', async () => {
    const { journal, gate } = controlled(new MemoryJournal());
    const world = await World.start({}, journal);
    gate.error = new JournalError('unread', 'format 4 is needed, and server b reads up to 2: upgrade it first');
    const refused = await world.submit({ kind: 'RenewEpoch', epoch: 'e' });
    expect(refused).toMatchObject({
      reason: 'JOURNAL_UNAVAILABLE',
      message: expect.stringContaining('a server of an earlier build came: format 4 is needed, and server b'),
    });
    gate.error = undefined;
    expect(isFault(await world.submit({ kind: 'RenewEpoch', epoch: 'e' }))).toBe(false);
    expect([world.fatal, world.writable]).toEqual([[], []]);
  });

  it('stores the rest of an append of which a server that came meanwhile could not read one command', async () => {
    const readers = { formatMax: 4, rulesMax: 1, formatOf: 'a', rulesOf: 'a' };
    const journal = Object.assign(new MemoryJournal(), { readers });
    const world = await World.start({}, journal);
    const sid = await world.open(1);
    const append = journal.append.bind(journal);
    journal.append = async (records) => {
      if (journal.readers.formatMax === 2) return append(records);
      journal.readers = { ...readers, formatMax: 2, formatOf: 'b' };
      throw new JournalError('unread', 'format 4 is needed, and server b reads up to 2: upgrade it first');
    };
    const { replica } = world;
    const all = Promise.all([
      replica.submit(openCommand(2)),
      replica.submit({ kind: 'RenewEpoch', epoch: 'e' }),
      replica.submit({ kind: 'CloseSession', sid, reason: 2 }),
    ]);
    const outcomes = await world.settle(all);
    expect(outcomes.map((outcome) => isFault(outcome))).toEqual([false, true, false]);
    expect(outcomes[1]).toMatchObject({
      reason: 'JOURNAL_UNAVAILABLE',
      message: 'RenewEpoch cannot be stored yet: format 4 is needed, and server b reads up to 2: upgrade it first',
      retryAfterMs: 10_000,
    });
    expect([world.fatal, replica.state.sessions.count, journal.last]).toEqual([[], 1, replica.state.revision]);
  });

  it('stores the rest of such an append before what has come since, each with the tag of who forwarded it', async () => {
    const readers = { formatMax: 4, rulesMax: 1, formatOf: 'a', rulesOf: 'a' };
    const journal = Object.assign(new MemoryJournal(), { readers });
    const world = await World.start({}, journal);
    const { replica } = world;
    const append = journal.append.bind(journal);
    const [later, tags]: [Promise<unknown>[], (bigint | undefined)[]] = [[], []];
    journal.append = async (records) => {
      if (journal.readers.formatMax === 2) {
        tags.push(...records.map(({ tag }) => tag));
        return append(records);
      }
      later.push(replica.submit(openCommand(3)));
      journal.readers = { ...readers, formatMax: 2, formatOf: 'b' };
      throw new JournalError('unread', 'format 4 is needed, and server b reads up to 2: upgrade it first');
    };
    const first = replica.submit({ kind: 'RenewEpoch', epoch: 'e' });
    replica.takeForwarded({ command: openCommand(2), tag: 7n, urgent: false, refused: () => {} });
    await world.settle(first);
    await world.settle(Promise.all(later));
    expect(tags).toEqual([7n, undefined]);
  });

  it('opens no session while the journal has little room, and closes those that there are', async () => {
    const journal = Object.assign(new MemoryJournal(), { room: 'enough' as Room });
    const world = await World.start({}, journal);
    const sid = await world.open(1);
    journal.room = 'low';
    await world.open(2);
    journal.room = 'scarce';
    const refused = await world.submit(openCommand(3));
    expect(refused).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE', retryAfterMs: expect.any(Number) });
    expect(isFault(await world.submit({ kind: 'CloseSession', sid, reason: 2 }))).toBe(false);
    journal.room = 'enough';
    await world.open(3);
  });

  it('stores a snapshot after 1,000 commands where the journal has little room, and forgets what is before the older one', async () => {
    const journal = Object.assign(new MemoryJournal(), { room: 'enough' as Room });
    const world = await World.start({}, journal);
    const open = async (from: number, to: number) => {
      for (let n = from; n < to; n++) await world.open(n);
      await world.advance(0);
    };
    await open(0, 1_100);
    expect(journal.snapshots()).toEqual([]);
    journal.room = 'low';
    await open(1_100, 1_101);
    await open(1_101, 2_300);
    await world.settle(world.replica.close());
    expect(journal.snapshots()).toHaveLength(2);
    expect(journal.compacted).toBe(journal.snapshots()[0]);
  });

  it('finishes what it took before it closes, and takes nothing more', async () => {
    const world = await World.start();
    const taken = world.replica.submit(openCommand(1));
    await world.settle(world.replica.close());
    expect(isFault(await taken)).toBe(false);
    expect(await world.submit(openCommand(2))).toMatchObject({ reason: 'DRAINING' });
  });
});

describe('a replica that takes no more commands', () => {
  it('keeps no caller away for longer than half of what a session lives', async () => {
    const world = await World.start({ graceMs: 600 });
    await world.settle(world.replica.close());
    const refusal = await world.replica.submit(openCommand(1));
    expect(refusal).toMatchObject({ reason: 'DRAINING' });
    expect((refusal as Fault).retryAfterMs).toBeLessThanOrEqual(300);
  });
});
