import { describe, expect, it } from '@jest/globals';
import { TurnCost } from '../../src/fair/turn-cost.js';

/** Turns that take so long each, with a piece in each that was measured as so long. */
function play(cost: TurnCost, turns: number, tookMs: number, measuredMs: number): number {
  let nowMs = 0;
  cost.turn(nowMs);
  for (let at = 0; at < turns; at++) {
    cost.of(measuredMs);
    cost.turn((nowMs += tookMs));
  }
  return nowMs;
}

describe('the cost of what is measured', () => {
  it('is what was measured, as long as nothing else is known', () => {
    expect(new TurnCost().of(0.5)).toBe(0.5);
  });

  it('is as much more as turns take longer than what was measured in them', () => {
    const cost = new TurnCost();
    play(cost, 50, 6, 2);
    expect(cost.of(1)).toBeCloseTo(3);
  });

  it('follows what turns take', () => {
    const cost = new TurnCost();
    play(cost, 50, 6, 2);
    cost.rest();
    play(cost, 50, 3, 2);
    expect(cost.of(1)).toBeCloseTo(1.5, 1);
  });

  it('is never less than what was measured, nor more than four times as much', () => {
    const [quick, slow] = [new TurnCost(), new TurnCost()];
    play(quick, 50, 1, 2);
    play(slow, 50, 100, 1);
    expect([quick.of(1), slow.of(1)]).toEqual([1, 4]);
  });

  it('does not count the time in which the event loop waited for others', () => {
    const cost = new TurnCost();
    play(cost, 50, 2, 2);
    cost.rest();
    cost.turn(1_000_000);
    cost.of(2);
    cost.turn(1_000_002);
    expect(cost.of(1)).toBe(1);
  });

  it('counts turns in which nothing was measured, as those that only read', () => {
    const cost = new TurnCost();
    cost.turn(0);
    for (let nowMs = 0; nowMs < 200; nowMs += 4) {
      cost.of(1);
      cost.turn(nowMs + 1);
      cost.turn(nowMs + 2);
    }
    expect(cost.of(1)).toBeGreaterThan(1.8);
  });
});
