import { describe, expect, it } from '@jest/globals';
import { Placement } from '../../console/src/layout/placement.js';

const NONE = new Int32Array();

/** Lays out until nothing moves; answers with how many steps that took. */
function settle(placement: Placement): number {
  let steps = 0;
  while (placement.step()) steps++;
  return steps;
}

function places(placement: Placement, slots: number): [number, number][] {
  return Array.from({ length: slots }, (_, slot) => [placement.forces.x[slot], placement.forces.y[slot]]);
}

function range(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, slot) => slot);
}

/** Both ends of the links of a grid of so many by so many nodes. */
function grid(side: number): Int32Array {
  const ends: number[] = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const slot = row * side + column;
      if (column + 1 < side) ends.push(slot, slot + 1);
      if (row + 1 < side) ends.push(slot, slot + side);
    }
  }
  return Int32Array.from(ends);
}

function laidOut(side: number): Placement {
  const placement = new Placement();
  placement.change({ slots: side * side, links: grid(side), gone: NONE, fresh: range(side * side), relinked: NONE });
  settle(placement);
  return placement;
}

describe('the layout', () => {
  it('brings neighbours together: links are shorter than other distances', () => {
    const placement = laidOut(8);
    const at = places(placement, 64);
    const distance = (a: number, b: number) => Math.hypot(at[a][0] - at[b][0], at[a][1] - at[b][1]);
    const ends = grid(8);
    const links = Array.from({ length: ends.length / 2 }, (_, link) => distance(ends[2 * link], ends[2 * link + 1]));
    const mean = links.reduce((sum, length) => sum + length, 0) / links.length;
    expect(Math.max(...links)).toBeLessThan(3 * mean);
    expect(distance(0, 63)).toBeGreaterThan(4 * mean);
  });

  it('is the same each time', () => {
    expect(places(laidOut(6), 36)).toEqual(places(laidOut(6), 36));
  });

  it('comes to rest where it begins while nodes come and go, and from then on moves nobody who stands', () => {
    const side = 12;
    const count = side * side;
    const placement = new Placement();
    const links = grid(side);
    placement.change({ slots: count, links, gone: NONE, fresh: range(count), relinked: NONE });
    // As a page of 2,000 nodes has it: 20 steps between two changes. One leaves, or returns, in each.
    const steps = () => Array.from({ length: 20 }, () => placement.step()).at(-1);
    const without = links.filter((slot, at) => slot !== 0 && links[at ^ 1] !== 0);
    let wasAtRest = false;
    for (let change = 0; change < 60 && !wasAtRest; change++) {
      const isLeaving = change % 2 === 0;
      const [gone, fresh] = isLeaving ? [range(1), NONE] : [NONE, range(1)];
      placement.change({ slots: count, links: isLeaving ? without : links, gone, fresh, relinked: NONE });
      wasAtRest = steps() === false;
    }
    expect(wasAtRest).toBe(true);
    const before = places(placement, count);
    for (let change = 0; change < 4; change++) {
      const [gone, fresh] = change % 2 === 0 ? [range(1), NONE] : [NONE, range(1)];
      placement.change({ slots: count, links: change % 2 === 0 ? without : links, gone, fresh, relinked: NONE });
      steps();
      expect(places(placement, count).slice(1)).toEqual(before.slice(1));
    }
  });

  it('is laid out anew as a whole while it is still moving when it has doubled', () => {
    const apart = new Placement();
    const all = grid(8);
    const half = all.filter((slot, at) => slot < 32 && all[at ^ 1]! < 32);
    apart.change({ slots: 64, links: half, gone: NONE, fresh: range(32), relinked: NONE });
    for (let step = 0; step < 150; step++) apart.step();
    const fresh = range(64).filter((slot) => slot >= 32);
    apart.change({ slots: 64, links: all, gone: NONE, fresh, relinked: NONE });
    // A whole layout takes some 200 steps, what was left of the first one 50.
    expect(settle(apart)).toBeGreaterThan(150);
  });

  it.each([150, 195])('gives nodes that come after %i steps of the first layout the room that others have', (steps) => {
    const [side, count] = [20, 400];
    const all = grid(side);
    const placement = new Placement();
    const before = count - side;
    const links = all.filter((slot, at) => slot < before && all[at ^ 1]! < before);
    placement.change({ slots: count, links, gone: NONE, fresh: range(before), relinked: NONE });
    for (let step = 0; step < steps; step++) expect(placement.step()).toBe(true);
    const fresh = range(count).filter((slot) => slot >= before);
    placement.change({ slots: count, links: all, gone: NONE, fresh, relinked: NONE });
    settle(placement);
    const at = places(placement, count);
    const nearest = (slot: number) =>
      Math.min(
        ...at.filter((_, other) => other !== slot).map(([x, y]) => Math.hypot(x - at[slot][0], y - at[slot][1])),
      );
    // Where all are laid out together the nearest is 40 away.
    expect(Math.min(...Array.from(fresh, nearest))).toBeGreaterThan(25);
  });

  it('that was asked for anew cools down over changes that leave its size as it is', () => {
    const links = grid(8);
    const laidOutAnew = (change: (placement: Placement) => void) => {
      const placement = laidOut(4);
      placement.change({ slots: 64, links, gone: NONE, fresh: range(64).slice(16), relinked: NONE });
      settle(placement);
      placement.anew();
      for (let step = 0; step < 60; step++) placement.step();
      change(placement);
      settle(placement);
      return places(placement, 64);
    };
    const untouched = laidOutAnew(() => {});
    const same = { slots: 64, links, gone: NONE, fresh: NONE, relinked: NONE };
    expect(laidOutAnew((placement) => placement.change(same))).toEqual(untouched);
  });

  it('moves nobody who was there when somebody comes and goes', () => {
    const placement = laidOut(8);
    const before = places(placement, 64);
    const links = Int32Array.from([...grid(8), 64, 20, 64, 21]);
    placement.change({ slots: 65, links, gone: NONE, fresh: Int32Array.of(64), relinked: Int32Array.of(20, 21, 64) });
    expect(settle(placement)).toBeGreaterThan(0);
    expect(places(placement, 64)).toEqual(before);
    // The newcomer stands beside its neighbours.
    const [x, y] = places(placement, 65)[64];
    expect(Math.hypot(x - before[20][0], y - before[20][1])).toBeLessThan(250);
    placement.change({ slots: 65, links: grid(8), gone: Int32Array.of(64), fresh: NONE, relinked: NONE });
    settle(placement);
    expect(places(placement, 64)).toEqual(before);
    expect(places(placement, 65)[64]).toEqual([Number.NaN, Number.NaN]);
  });

  it('puts those without links into a dock below, where they stay until they have one', () => {
    const placement = laidOut(4);
    placement.change({ slots: 20, links: grid(4), gone: NONE, fresh: Int32Array.of(16, 17, 18, 19), relinked: NONE });
    settle(placement);
    const lowest = Math.max(...places(placement, 16).map(([, y]) => y));
    const dock = places(placement, 20).slice(16);
    expect(Math.min(...dock.map(([, y]) => y))).toBeGreaterThan(lowest);
    expect(new Set(dock.map(String)).size).toBe(4);
    const links = Int32Array.from([...grid(4), 17, 0]);
    placement.change({ slots: 20, links, gone: NONE, fresh: NONE, relinked: Int32Array.of(17, 0) });
    settle(placement);
    const now = places(placement, 20);
    expect([now[16], now[18], now[19]]).toEqual([dock[0], dock[2], dock[3]]);
    expect(now[17][1]).toBeLessThan(dock[1][1]);
  });

  it('begins from remembered places and barely moves them', () => {
    const first = laidOut(6);
    const before = places(first, 36);
    const remembered = Float32Array.from(before.flatMap(([x, y], slot) => [slot, x, y]));
    const again = new Placement();
    const change = { slots: 36, links: grid(6), gone: NONE, fresh: range(36), relinked: NONE, places: remembered };
    again.change(change);
    settle(again);
    const moved = places(again, 36).map(([x, y], slot) => Math.hypot(x - before[slot][0], y - before[slot][1]));
    expect(Math.max(...moved)).toBeLessThan(30);
  });

  it('parts two nodes that lie on each other', () => {
    const placement = new Placement();
    const places_ = Float32Array.of(0, 5, 5, 1, 5, 5, 2, 5, 5);
    placement.change({
      slots: 3,
      links: Int32Array.of(0, 1, 1, 2),
      gone: NONE,
      fresh: range(3),
      relinked: NONE,
      places: places_,
    });
    settle(placement);
    expect(new Set(places(placement, 3).map(String)).size).toBe(3);
  });
});
