import { describe, expect, it } from '@jest/globals';
import { Fault, isFault } from '../../src/core/model/fault.js';
import type { Capture } from '../../src/core/store/snapshot.js';
import type { WatchWish } from '../../src/feed/feed.js';
import { SharedSnapshot } from '../../src/feed/snapshot.js';
import { SnapshotBudget } from '../../src/feed/snapshot-budget.js';
import type { Subscription } from '../../src/feed/subscription.js';
import { type Line, lines, ToyWorld } from './toy.js';

/** The toy topic's own measure of a revision with so many changes of the graph. */
const sizeOf = (items: number) => 64 + 24 * items;

function subscribe(world: ToyWorld, wish: WatchWish): Subscription {
  const subscription = world.feed.subscribe(wish);
  if (isFault(subscription)) throw new Error(subscription.message);
  return subscription;
}

function readAll(subscription: Subscription): Line[] {
  const got: Line[] = [];
  for (;;) {
    const next = subscription.next();
    if (next instanceof Fault) throw new Error(next.message);
    if (next === undefined) return got;
    got.push(...lines(next));
  }
}

/** A world in which a session with two links and more ends in a revision that is too large. */
function worldWithHub(): { readonly world: ToyWorld; readonly hub: number; readonly others: number[] } {
  const world = new ToyWorld({ revisionBytesMax: sizeOf(3) });
  const hub = world.open(1);
  const others = [2, 3, 4].map((n) => world.open(n));
  for (const other of others) link(world, hub, other);
  return { world, hub, others };
}

function link(world: ToyWorld, one: number, two: number): void {
  for (const [sid, peer] of [
    [one, two],
    [two, one],
  ]) {
    world.do({ kind: 'ReportLink', sid, peer, link: 1, established: true });
  }
}

const kinds = (got: readonly Line[]) => got.map(({ kind }) => kind).filter((kind, at, all) => kind !== all[at - 1]);

describe('a revision that is larger than any message may be', () => {
  it.each([
    ['everything', () => ({})],
    ['everything, and would coalesce', () => ({ coalesce: true })],
    ['a node that it touches', (hub: number) => ({ sids: [hub] })],
  ])('is told by RESET and a snapshot to a watch of %s', (_name, wish) => {
    const { world, hub } = worldWithHub();
    const watch = subscribe(world, { after: world.feed.position, ...wish(hub) });
    readAll(watch);
    world.close(hub);
    const got = readAll(watch);
    expect(kinds(got).slice(0, 1)).toEqual(['reset']);
    expect(kinds(got).at(-1)).toBe('end');
    expect(got.at(-1)?.revision).toBe(world.feed.position.revision);
    const next = world.open(9);
    expect(readAll(watch).flatMap(({ items }) => items)).toEqual(
      'sids' in wish(hub) ? [] : [`+${next}`, `+257-${next}`],
    );
  });

  it('does not concern a watch of other nodes', () => {
    const { world, hub } = worldWithHub();
    const alone = world.open(5);
    const watch = subscribe(world, { after: world.feed.position, sids: [alone] });
    readAll(watch);
    world.close(hub);
    world.close(alone);
    expect(kinds(readAll(watch))).toEqual(['delta']);
  });

  it('is told so to whoever resumes from before it, and not to whoever resumes from it', () => {
    const { world, hub } = worldWithHub();
    const before = world.feed.position;
    world.close(hub);
    expect(kinds(readAll(subscribe(world, { after: before })))).toEqual(['reset', 'snapshot', 'end']);
    expect(kinds(readAll(subscribe(world, { after: world.feed.position })))).toEqual(['bookmark']);
  });

  it('is begun again for at most once in 10 s, and then with all that has happened', () => {
    const { world, hub, others } = worldWithHub();
    const watch = subscribe(world, { after: world.feed.position });
    let woken = 0;
    watch.onReady(() => woken++);
    readAll(watch);
    world.close(hub);
    expect(kinds(readAll(watch))).toEqual(['reset', 'snapshot', 'end']);
    for (let round = 10; round < 13; round++) {
      const again = world.open(round);
      for (const other of others) link(world, again, other);
      world.close(again);
      world.clock.advance(1_000);
      expect(readAll(watch)).toEqual([]);
      expect(watch.isCostly).toBe(false);
    }
    world.clock.advance(6_900);
    expect(readAll(watch)).toEqual([]);
    const wokenBefore = woken;
    world.clock.advance(200);
    expect(woken).toBeGreaterThan(wokenBefore);
    const got = readAll(watch);
    expect(kinds(got)).toEqual(['reset', 'snapshot', 'end']);
    expect(got.at(-1)?.revision).toBe(world.feed.position.revision);
  });

  it('ends a watch that waits for its RESET when the server drains, without a bookmark that would be false', () => {
    const { world, hub } = worldWithHub();
    const watch = subscribe(world, { after: { epoch: 'other', revision: 1 } });
    readAll(watch);
    world.close(hub);
    readAll(watch);
    world.feed.drain(60_000);
    expect(watch.next()).toMatchObject({ reason: 'DRAINING' });
  });
});

describe('a watch of a few nodes', () => {
  it('looks through a long history a part at a time, and says nothing false meanwhile', () => {
    const world = new ToyWorld({ filterTouchesMax: 16 });
    const named = world.open(1);
    const watch = subscribe(world, { after: world.feed.position, sids: [named] });
    readAll(watch);
    let woken = 0;
    watch.onReady(() => woken++);
    for (let n = 2; n < 100; n++) world.open(n);
    world.close(named);
    const got: Line[] = [];
    for (let turn = 0; turn < 100; turn++) {
      got.push(...readAll(watch));
      world.clock.turn();
    }
    expect(woken).toBeGreaterThan(10);
    expect(got.map(({ kind, revision }) => [kind, revision])).toEqual([['delta', world.feed.position.revision]]);
  });
});

describe('snapshots under way', () => {
  const encoder = (chunks: number, bytes: number) => ({
    *chunks() {
      for (let n = 0; n < chunks; n++) yield new Uint8Array(bytes).fill(n);
    },
    end: () => new Uint8Array(0),
  });
  const taken = { position: { epoch: 'e', revision: 1 } } as Capture;

  it('hold no more bytes in all than they may, whoever reads them at what pace', () => {
    const budget = new SnapshotBudget(100);
    const made = [encoder(20, 10), encoder(20, 10)].map((one) => new SharedSnapshot(taken, one, budget));
    const readers = made.flatMap((one) => [one.enter(), one.enter()]);
    let seed = 7;
    let over = 0;
    for (let n = 0; n < 500; n++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      const reader = readers[seed % readers.length];
      if (!reader.isRetired) {
        const { at } = reader;
        const chunk = reader.next();
        // What a reader gets is what comes next for it, or the end.
        if (chunk !== undefined) expect(chunk[0]).toBe(at);
        else expect(at).toBe(20);
      }
      over = Math.max(over, budget.bytes);
    }
    expect(over).toBeLessThanOrEqual(100);
    for (const one of made) one.retire();
    expect(budget.bytes).toBe(0);
  });

  it('give up what all have read before what anybody has yet to read', () => {
    const budget = new SnapshotBudget(50);
    const snapshot = new SharedSnapshot(taken, encoder(20, 10), budget);
    const [one, two] = [snapshot.enter(), snapshot.enter()];
    for (let n = 0; n < 20; n++) expect([one.next()?.[0], two.next()?.[0]]).toEqual([n, n]);
    expect([one.isRetired, two.isRetired, snapshot.isWhole]).toEqual([false, false, false]);
  });

  it('give up the reader that is furthest behind, which begins again', () => {
    const budget = new SnapshotBudget(50);
    const snapshot = new SharedSnapshot(taken, encoder(20, 10), budget);
    const [slow, fast] = [snapshot.enter(), snapshot.enter()];
    for (let n = 0; n < 20; n++) expect(fast.next()?.[0]).toBe(n);
    expect([slow.isRetired, fast.isRetired]).toEqual([true, false]);
  });
});
