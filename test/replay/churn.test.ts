import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock } from '../../harness/manual-clock.js';
import { Churn } from '../../src/replay/churn.js';
import type { Member } from '../../src/replay/member.js';

/** Members of whom each counts when it vanishes. */
function members(count: number, vanished: () => void): Member[] {
  const member = { vanish: vanished, join: async () => {} } as unknown as Member;
  return Array.from({ length: count }, () => member);
}

describe('the churn of a replay', () => {
  it('goes on at its rate after the process stood still, and lasts as long without that time', async () => {
    const clock = new ManualClock();
    let count = 0;
    const fleet = members(1_000, () => count++);
    const { signal } = new AbortController();
    // By this die each vanishes.
    const churn = new Churn(fleet, { clock, random: constantRandom(0.9), signal });
    const running = churn.run({ ratePerS: 50, forMs: 10_000 });
    await clock.pass(1_000);
    expect(count).toBe(50);
    clock.freeze(60_000);
    await clock.pass(20);
    expect(count).toBeGreaterThanOrEqual(51);
    expect(count).toBeLessThanOrEqual(76);
    await clock.pass(12_000);
    expect(await running).toEqual({ left: 0, vanished: 500, skipped: 0 });
  });
});
