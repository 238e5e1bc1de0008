import { describe, expect, it } from '@jest/globals';
import { Fault, isFault } from '../../src/core/model/fault.js';
import type { Capture } from '../../src/core/store/snapshot.js';
import type { WatchWish } from '../../src/feed/feed.js';
import type { Subscription } from '../../src/feed/subscription.js';
import { type Line, lines, TOY, ToyWorld } from './toy.js';

/** Reads all there is, message by message. */
function drain(subscription: Subscription): { messages: Line[][]; fault: Fault | undefined } {
  const messages: Line[][] = [];
  for (;;) {
    const next = subscription.next();
    if (next instanceof Fault) return { messages, fault: next };
    if (next === undefined) return { messages, fault: undefined };
    messages.push(lines(next));
  }
}

const flat = (subscription: Subscription): Line[] => drain(subscription).messages.flat();

function subscribe(world: ToyWorld, wish: WatchWish = {}): Subscription {
  const subscription = world.feed.subscribe(wish);
  if (isFault(subscription)) throw new Error(subscription.message);
  return subscription;
}

const at = (world: ToyWorld) => world.feed.position;

describe('a feed', () => {
  it('begins with the snapshot at one position, then every change past it', () => {
    const world = new ToyWorld();
    const first = world.open(1);
    const watch = subscribe(world);
    const second = world.open(2);
    const got = flat(watch);
    expect(got.map(({ kind, revision }) => `${kind} ${revision}`)).toEqual([
      'snapshot 2',
      'snapshot 2',
      'end 2',
      'delta 3',
    ]);
    expect(got[0].items).toEqual([`+${first}`]);
    expect(got[3].items).toContain(`+${second}`);
  });

  it('gives every revision once, in order, whole, as many in a message as are ready', () => {
    const world = new ToyWorld();
    const watch = subscribe(world, { after: at(world) });
    for (let n = 0; n < 50; n++) world.open(n);
    const { messages } = drain(watch);
    expect(messages).toHaveLength(1);
    expect(messages[0].map((line) => line.revision)).toEqual(Array.from({ length: 50 }, (_, n) => n + 2));
  });

  it('lets nobody resume from before another epoch, under either name', () => {
    const world = new ToyWorld();
    for (let n = 0; n < 5; n++) world.open(n);
    const before = at(world);
    world.do({ kind: 'RenewEpoch', epoch: 'f' });
    const renewed = at(world);
    expect(renewed).toEqual({ epoch: 'f', revision: before.revision + 1 });
    world.open(6);
    expect(flat(subscribe(world, { after: before }))[0]).toMatchObject({ kind: 'reset' });
    const told = world.feed.subscribe({ after: { epoch: 'f', revision: before.revision - 1 } });
    expect(told).toMatchObject({ reason: 'REVISION_COMPACTED' });
    expect(flat(subscribe(world, { after: renewed })).map(({ revision }) => revision)).toEqual([renewed.revision + 1]);
    expect(flat(subscribe(world, { after: { ...renewed, revision: before.revision } }))).toHaveLength(2);
  });

  it('resumes from every position without a gap', () => {
    const world = new ToyWorld();
    const from = at(world);
    for (let n = 0; n < 20; n++) world.open(n);
    for (let revision = from.revision; revision < 21; revision++) {
      const got = flat(subscribe(world, { after: { epoch: 'e', revision } }));
      expect(got.map((line) => line.revision)).toEqual(
        Array.from({ length: 21 - revision }, (_, n) => revision + 1 + n),
      );
    }
  });

  it.each([
    ['another epoch', { epoch: 'other', revision: 1 }],
    ['the future', { epoch: 'e', revision: 99 }],
  ])('answers a position of %s with RESET and a snapshot', (_name, after) => {
    const world = new ToyWorld();
    world.open(1);
    expect(flat(subscribe(world, { after })).map((line) => line.kind)).toEqual([
      'reset',
      'snapshot',
      'snapshot',
      'end',
    ]);
  });

  it('refuses a position that is cut off, and names the oldest revision held', () => {
    const world = new ToyWorld({ historyRevisionsMax: 16 });
    const after = at(world);
    for (let n = 0; n < 40; n++) world.open(n);
    const refused = world.feed.subscribe({ after });
    expect(refused).toMatchObject({ reason: 'REVISION_COMPACTED', metadata: { oldest_revision: '26' } });
    expect(flat(subscribe(world, { after: { epoch: 'e', revision: 25 } }))[0].revision).toBe(26);
  });

  it('ends a watcher that fell behind the history with its position', () => {
    const world = new ToyWorld({ historyRevisionsMax: 16 });
    const watch = subscribe(world, { after: at(world) });
    world.open(0);
    expect(flat(watch)).toHaveLength(1);
    for (let n = 1; n < 40; n++) world.open(n);
    expect(drain(watch).fault).toMatchObject({ reason: 'WATCH_LAGGED', metadata: { revision: '2', epoch: 'e' } });
    expect(world.feed.subscriptionCount).toBe(0);
  });

  it('gives a coalescing watcher the net effect of what it missed, at the last position', () => {
    const world = new ToyWorld({ historyRevisionsMax: 16 });
    const gone = world.open(100);
    const watch = subscribe(world, { after: at(world), coalesce: true });
    world.close(gone);
    const brief = world.open(101);
    world.close(brief);
    const stays = world.open(102);
    for (let n = 0; n < 40; n++) world.open(n);
    const got = flat(watch);
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({ kind: 'delta', revision: at(world).revision });
    expect(got[0].items).toEqual(expect.arrayContaining([`-${gone}`, `-${brief}`, `+${stays}`]));
    expect(got[0].items).not.toContain(`+${gone}`);
  });

  it('begins again with RESET where the net effect would be larger than its bound', () => {
    const world = new ToyWorld({ historyRevisionsMax: 16, netTouchesMax: 20 });
    const watch = subscribe(world, { after: at(world), coalesce: true });
    for (let n = 0; n < 40; n++) world.open(n);
    const kinds = flat(watch).map((line) => line.kind);
    expect(kinds[0]).toBe('reset');
    expect(kinds.at(-1)).toBe('end');
  });

  it('keeps only what touches the nodes that were named, and decodes nothing else', () => {
    let decoded = 0;
    const topic = {
      ...TOY,
      filter: (...args: Parameters<typeof TOY.filter>) => {
        decoded++;
        return TOY.filter(...args);
      },
    };
    const world = new ToyWorld({}, topic);
    const named = world.open(1);
    const watch = subscribe(world, { after: at(world), sids: [named] });
    for (let n = 2; n < 50; n++) world.open(n);
    expect(flat(watch).map(({ kind, revision }) => [kind, revision])).toEqual([['bookmark', at(world).revision]]);
    expect(decoded).toBe(0);
    world.close(named);
    const got = flat(watch);
    expect(got).toHaveLength(1);
    expect(got[0].items).toEqual(expect.arrayContaining([`-${named}`]));
    expect(decoded).toBe(1);
  });

  it('filters the snapshot by the nodes that were named', () => {
    const world = new ToyWorld();
    world.open(1);
    const named = world.open(2);
    const got = flat(subscribe(world, { sids: [named] }));
    expect(got.map((line) => line.kind)).toEqual(['snapshot', 'snapshot', 'end']);
    expect(got.flatMap((line) => line.items).every((item) => item.includes(String(named)))).toBe(true);
  });

  it('wakes those who had nothing to read, once a turn', () => {
    const world = new ToyWorld();
    const watch = subscribe(world, { after: at(world) });
    let woken = 0;
    watch.onReady(() => woken++);
    flat(watch);
    expect(watch.next()).toBeUndefined();
    for (let n = 0; n < 10; n++) world.open(n);
    expect(woken).toBe(0);
    world.clock.turn();
    expect(woken).toBe(1);
    expect(flat(watch)).toHaveLength(10);
  });

  it('sends a bookmark within 30 s of quiet, and never a false one', () => {
    const world = new ToyWorld();
    const watch = subscribe(world, { after: at(world) });
    const got: { atMs: number; line: Line }[] = [];
    const pump = (): void => {
      for (const line of flat(watch)) got.push({ atMs: world.clock.nowMs(), line });
    };
    watch.onReady(pump);
    pump();
    world.clock.advance(95_000);
    const times = [0, ...got.map(({ atMs }) => atMs), 95_000];
    expect(got.length).toBeGreaterThanOrEqual(3);
    for (let n = 1; n < times.length; n++) expect(times[n] - times[n - 1]).toBeLessThanOrEqual(30_000);
    expect(got.every(({ line }) => line.kind === 'bookmark' && line.revision === 1)).toBe(true);
  });

  it('delivers everything, then a bookmark, then the end, when it drains', () => {
    const world = new ToyWorld();
    const watch = subscribe(world, { after: at(world) });
    world.open(1);
    world.feed.drain(60_000);
    const { messages, fault } = drain(watch);
    expect(messages.flat().map((line) => line.kind)).toEqual(['delta', 'bookmark']);
    expect(fault).toMatchObject({ reason: 'DRAINING', retryAfterMs: expect.any(Number) });
    expect(world.feed.subscribe({})).toMatchObject({ reason: 'DRAINING' });
  });

  it('gives each watch a time of its own to come back after a drain', () => {
    const world = new ToyWorld();
    const watches = [1, 2, 3].map(() => subscribe(world, { after: at(world) }));
    world.feed.drain(60_000);
    expect(watches.map((watch) => drain(watch).fault?.retryAfterMs)).toEqual([1_000, 1_001, 1_002]);
  });

  it('keeps no watch away for longer than half of what a session lives, and refuses no new one for longer', () => {
    const world = new ToyWorld();
    const watch = subscribe(world, { after: at(world) });
    world.feed.drain(600);
    expect(drain(watch).fault?.retryAfterMs).toBeLessThanOrEqual(300);
    expect((world.feed.subscribe({}) as Fault).retryAfterMs).toBeLessThanOrEqual(300);
  });

  it('encodes a snapshot once for all who ask in the same moment, and splices the log onto an older one', () => {
    let encoded = 0;
    const { end } = TOY.snapshot!;
    const chunks = (taken: Capture) => {
      encoded++;
      return TOY.snapshot!.chunks(taken);
    };
    const snapshot = { chunks, end };
    const world = new ToyWorld({}, { ...TOY, snapshot });
    world.open(1);
    const early = subscribe(world);
    world.open(2);
    const late = subscribe(world);
    const [one, two] = [flat(early), flat(late)];
    expect(encoded).toBe(1);
    expect(one).toEqual(two);
    expect(one.at(-1)).toMatchObject({ kind: 'delta', revision: 3 });
  });

  it('begins a watch with what has happened already when nobody else is reading a snapshot', () => {
    const world = new ToyWorld();
    world.open(1);
    flat(subscribe(world));
    world.open(2);
    const got = flat(subscribe(world));
    expect(got.at(-1)).toMatchObject({ kind: 'end', revision: 3 });
  });

  it('gives up the oldest snapshot beyond its bound: its reader begins again', () => {
    const world = new ToyWorld({ snapshotsMax: 2, snapshotAgeMax: 0 });
    world.open(1);
    const watches = [2, 3, 4].map((n) => {
      const watch = subscribe(world);
      expect(lines(watch.next() as Uint8Array)[0].kind).toBe('snapshot');
      world.open(n);
      return watch;
    });
    expect(flat(watches[0]).map((line) => line.kind)[0]).toBe('reset');
    expect(flat(watches[2]).map((line) => line.kind)[0]).toBe('snapshot');
  });

  it.each([
    ['after the last position', (world: ToyWorld): WatchWish => ({ after: at(world) })],
    ['of some nodes, after the last position', (world: ToyWorld): WatchWish => ({ after: at(world), sids: [7] })],
    ['that coalesces', (world: ToyWorld): WatchWish => ({ after: at(world), coalesce: true })],
  ])('answers a watch %s at once, with a bookmark', (_name, wish) => {
    const world = new ToyWorld();
    world.open(1);
    const watch = subscribe(world, wish(world));
    expect(flat(watch)).toMatchObject([{ kind: 'bookmark', revision: at(world).revision }]);
    expect(watch.next()).toBeUndefined();
  });

  it('begins a watch without a snapshot with a bookmark at its beginning, also when it is read late', () => {
    const world = new ToyWorld({}, { ...TOY, snapshot: undefined } as unknown as typeof TOY);
    const watch = subscribe(world);
    world.open(1);
    expect(flat(watch).map(({ kind, revision }) => [kind, revision])).toEqual([
      ['bookmark', 1],
      ['delta', 2],
    ]);
  });

  it('says in a bookmark when its position was committed, where this process has seen it', () => {
    const told: (number | undefined)[] = [];
    const bookmark: typeof TOY.bookmark = (position, committedAtMs) => {
      told.push(committedAtMs);
      return TOY.bookmark(position);
    };
    const world = new ToyWorld({}, { ...TOY, bookmark });
    flat(subscribe(world, { after: at(world) }));
    world.feed.publish({ epoch: 'e', revision: 2 }, [], 1_234);
    flat(subscribe(world, { after: { epoch: 'e', revision: 2 } }));
    expect(told).toEqual([undefined, 1_234]);
  });

  it('forgets a watcher that is closed', () => {
    const world = new ToyWorld();
    const watch = subscribe(world);
    watch.close();
    expect(watch.next()).toBeUndefined();
    expect(world.feed.subscriptionCount).toBe(0);
  });

  it('stops the process rather than skip a revision', () => {
    const world = new ToyWorld();
    expect(() => world.feed.publish({ epoch: 'e', revision: 9 }, [])).toThrow('revision 9 published after 1');
  });
});
