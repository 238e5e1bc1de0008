import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { FairTurns } from '../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../src/fair/limits.js';
import { MeteredSource } from '../../src/fair/metered-source.js';

describe('a metered source', () => {
  it('gives its reader a message that comes for it after the slice, once for each turn it was woken for', () => {
    const clock = new ManualClock();
    const turns = new FairTurns({ clock, limits: DEFAULT_TURN_LIMITS });
    let woken = 0;
    const costly = { isCostly: true, next: () => new Uint8Array(1), onReady: () => {}, close: () => {} };
    const source = new MeteredSource(costly, 'a', { turns, clock });
    source.onReady(() => woken++);
    turns.charge('a', 3);
    expect(source.next()).toBeUndefined();
    // Its own address uses up the rest of the slice in which it is woken.
    for (let at = 0; at < 100; at++) turns.enter('a', () => {});
    clock.turn();
    expect(woken).toBe(1);
    turns.charge('a', 3);
    expect(source.next()).toEqual(new Uint8Array(1));
    expect(source.next()).toBeUndefined();
  });

  it('passes on what costs nothing, however far behind its address is', () => {
    const clock = new ManualClock();
    const turns = new FairTurns({ clock, limits: DEFAULT_TURN_LIMITS });
    const cheap = { isCostly: false, next: () => new Uint8Array(1), onReady: () => {}, close: () => {} };
    turns.charge('a', 100);
    expect(new MeteredSource(cheap, 'a', { turns, clock }).next()).toEqual(new Uint8Array(1));
  });
});
