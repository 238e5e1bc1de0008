import { describe, expect, it } from '@jest/globals';
import type { SourceEnd } from '../../src/relay/end.js';
import { read, World } from './world.js';

const RATE = 16_384;
const KIB = new Uint8Array(1_024);

/** A relay in which all sessions but the last are one identity's, which may send {@link RATE} bytes a second. */
function makeWorld(): World {
  const world = new World();
  world.rateOf = (sid) => (sid === world.sids[3] ? undefined : { holder: 'anna', bytesPerSecond: RATE });
  return world;
}

/** Blocks of 1 KiB that a source takes until it has no room. */
function fill(source: SourceEnd, max = 100): number {
  let count = 0;
  for (; count < max && source.hasRoom(); count++) source.write(KIB);
  return count;
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
    world.rateOf = () => undefined;
    expect(fill(source, 50)).toBe(50);
    let woken = 0;
    source.onReady(() => woken++);
    world.clock.advance(50);
    world.clock.turn();
    expect(woken).toBe(1);
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
});
