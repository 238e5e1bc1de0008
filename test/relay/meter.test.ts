import { describe, expect, it } from '@jest/globals';
import type { Change } from '../../src/core/model/change.js';
import { Fault } from '../../src/core/model/fault.js';
import { DEFAULT_STREAM_PARAMS } from '../../src/core/model/stream.js';
import type { SinkEnd, SourceEnd } from '../../src/relay/end.js';
import { read, World } from './world.js';

const RATE = 16_384;
const KIB = new Uint8Array(1_024);

/** A relay in which all sessions but the last are one identity's, which may send {@link RATE} bytes a second. */
function makeWorld(): World {
  const world = new World();
  world.quotaOf = (sid) => (sid === world.sids[3] ? undefined : { holder: 'anna', bytesPerSecond: RATE });
  return world;
}

const OVER = new Fault('NETWORK_LIMIT', 'the month is used up', [], undefined, { month_ends: '2027-01-01T00:00:00Z' });

/** A relay whose sources have used up their month with 3,000 bytes. */
function monthly(): { readonly world: World; readonly month: { readonly used: number } } {
  const world = new World();
  const month = {
    used: 0,
    add: (bytes: number) => {
      month.used += bytes;
    },
    refuse: () => (month.used >= 3_000 ? OVER : undefined),
  };
  world.quotaOf = () => ({ holder: 'anna', bytesPerSecond: undefined, month });
  return { world, month };
}

/** Blocks of 1 KiB that a source takes until it has no room. */
function fill(source: SourceEnd, max = 100): number {
  let count = 0;
  for (; count < max && source.hasRoom(); count++) source.write(KIB);
  return count;
}

/** A stream of the last session to the first. */
function streamOf(world: World, owner: number): number {
  world.do({ kind: 'CreateStream', sid: owner, params: DEFAULT_STREAM_PARAMS, sinks: [world.sids[0]!] });
  return world.state.streams.of(owner).at(-1)!.id;
}

/** The policy is another one. */
function policyPut(world: World): void {
  const change = { kind: 'PolicyPut' } as Change;
  world.relay.publish(world.state.position, [change]);
  world.clock.turn();
}

/** Reads as much as there is from a source that always has more; answers with how to count it. */
function eager({ source, sinks: [sink] }: ReturnType<World['stream']>): () => number {
  let count = 0;
  const go = () => {
    count += fill(source);
    read(sink!);
  };
  source.onReady(go);
  go();
  return () => count;
}

describe('the quota of an identity', () => {
  it('lets its sources send the bytes of a second at once, and then as many as its rate', () => {
    const world = makeWorld();
    const { source, sinks } = world.stream(1);
    let woken = 0;
    source.onReady(() => woken++);
    expect(fill(source)).toBe(16);
    expect(read(sinks[0]!)).toHaveLength(16);
    expect(source.hasRoom()).toBe(false);
    woken = 0;
    let count = 0;
    for (let n = 0; n < 40; n++) {
      world.clock.advance(50);
      world.clock.turn();
      count += fill(source);
      read(sinks[0]!);
    }
    expect(woken).toBeGreaterThan(0);
    // 2 s of 16 blocks each, and no more than one block beyond.
    expect(count).toBeGreaterThanOrEqual(31);
    expect(count).toBeLessThanOrEqual(33);
  });

  it('is one for all its streams', () => {
    const world = makeWorld();
    const [one, other] = [world.stream(1), world.stream(1)];
    expect(fill(one.source, 10)).toBe(10);
    expect(fill(other.source)).toBe(6);
    expect(one.source.hasRoom()).toBe(false);
  });

  it('is nothing to a session without one, and to none when the policy says nothing any more', () => {
    const world = makeWorld();
    const { source } = world.stream(1);
    fill(source);
    let woken = 0;
    source.onReady(() => woken++);
    world.quotaOf = () => undefined;
    policyPut(world);
    expect(woken).toBe(1);
    expect(fill(source, 50)).toBe(50);
  });

  it('of a block that is larger than what is left is owed, and none is remembered once it has grown whole', () => {
    const world = makeWorld();
    const { source } = world.stream(1);
    source.write(new Uint8Array(3 * RATE));
    world.clock.advance(1_950);
    expect(source.hasRoom()).toBe(false);
    world.clock.advance(100);
    expect(source.hasRoom()).toBe(true);
    const timers = world.clock.pending;
    world.clock.advance(1_500);
    expect(world.clock.pending).toBe(timers - 1);
  });

  it('goes to its sources in turn, the one that was served last at the end', () => {
    const world = makeWorld();
    const counts = [1, 2, 3].map(() => eager(world.stream(1)));
    world.clock.advance(30_000);
    for (const count of counts) {
      // A third of 30 s of 16 blocks each, and for one of them those of the first second.
      expect(count()).toBeGreaterThan(140);
      expect(count()).toBeLessThan(190);
    }
  });

  it('wakes no source of another holder, and none that does not wait', () => {
    const world = makeWorld();
    const { source } = world.stream(1);
    const idle = world.stream(1);
    const free = world.open(world.sids[3]!, streamOf(world, world.sids[3]!)) as SourceEnd;
    let woken = 0;
    for (const one of [idle.source, free]) one.onReady(() => woken++);
    fill(source);
    world.clock.advance(5_000);
    world.clock.turn();
    expect(woken).toBe(0);
  });

  it('is asked for once for each source until the policy is another one', () => {
    const world = makeWorld();
    let asked = 0;
    world.quotaOf = () => {
      asked++;
      return { holder: 'anna', bytesPerSecond: RATE };
    };
    const { source } = world.stream(1);
    fill(source);
    world.clock.advance(1_000);
    fill(source);
    expect(asked).toBe(1);
    policyPut(world);
    fill(source);
    expect(asked).toBe(2);
  });

  it('that is used up is no idleness of a stream whose source stands, and of none that has left', () => {
    const world = makeWorld();
    const { id, source } = world.stream(1);
    source.write(new Uint8Array(3 * RATE));
    expect(source.hasRoom()).toBe(false);
    world.used.length = 0;
    world.clock.advance(1_900);
    expect(new Set(world.used)).toEqual(new Set([id]));
    expect(world.used.length).toBeGreaterThan(30);
    source.close();
    world.used.length = 0;
    world.clock.advance(1_000);
    expect(world.used).toEqual([]);
  });

  it('of a month refuses blocks once it is used up, whatever the rate, and lets an end that is opened then hear what came, and finish', () => {
    const { world, month } = monthly();
    const { id, source, sinks } = world.stream(1, { deliveryConfirmation: true });
    const [owner] = world.sids as [number];
    expect(source.hasRoom()).toBe(true);
    const written = [1, 2, 3, 4].map(() => source.write(KIB));
    expect([written, month.used]).toEqual([[undefined, undefined, undefined, OVER], 3_072]);
    expect(read(sinks[0]!)).toHaveLength(3);
    source.close();
    sinks[0]!.confirm(3);
    const again = world.open(owner, id, 3) as SourceEnd;
    expect([again.write(KIB), again.takeConfirmed()]).toEqual([OVER, 3]);
    again.finish();
    expect([again.isDone, sinks[0]!.next()]).toEqual([true, 'ended']);
  });

  it('of a month counts what a source repeats once, and takes it when the month is used up', () => {
    const { world, month } = monthly();
    const { id, source, sinks } = world.stream(1, { deliveryConfirmation: true });
    for (let n = 0; n < 3; n++) source.write(KIB);
    sinks[0]!.next();
    sinks[0]!.confirm(1);
    for (const repeated of [1, 2]) {
      const again = world.open(world.sids[0]!, id, 1) as SourceEnd;
      for (let n = 0; n < repeated; n++) expect(again.write(KIB)).toBeUndefined();
      expect(again.write(repeated === 1 ? new Uint8Array(1_025) : KIB)).toBe(OVER);
    }
    expect(month.used).toBe(3_072);
  });

  it('of a month counts other bytes that are sent in the place of what was to be repeated', () => {
    const { world, month } = monthly();
    const { id, sids, branches } = world.bare(1, { deliveryConfirmation: true });
    let given = 0;
    for (let round = 0; round < 10; round++) {
      const source = world.open(world.sids[0]!, id, 0) as SourceEnd;
      const sink = world.open(sids[0]!, branches[0]!) as SinkEnd;
      while (source.write(KIB.map(() => round)) === undefined);
      while (sink.next() instanceof Uint8Array) given += KIB.length;
    }
    expect([given, month.used]).toEqual([3_072, 3_072]);
  });
});
