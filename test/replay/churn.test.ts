import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock } from '../../harness/manual-clock.js';
import { Churn, describeChurn } from '../../src/replay/churn.js';
import type { ReplayedMember } from '../../src/replay/member.js';

/** Members of whom each counts when it vanishes. */
function members(count: number, vanished: () => void): ReplayedMember[] {
  const member = { vanish: vanished, join: async () => {} } as unknown as ReplayedMember;
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
    const summary = await running;
    expect(summary).toEqual({ left: 0, vanished: 500, skipped: 0, leftOutMs: 59_500 });
    expect(describeChurn(summary)).toBe(
      'churn: 0 left and 500 vanished, and all returned; left out: 59.5 s in which this process stood still or had too much to do',
    );
  });

  it('says how much time it leaves out when turns take longer than they may, as with too much to do', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const churn = new Churn(
      members(1_000, () => {}),
      { clock, random: constantRandom(0.9), signal },
    );
    const running = churn.run({ ratePerS: 2, forMs: 5_000 });
    for (let late = 0; late < 4; late++) {
      clock.freeze(1_000);
      await clock.pass(20);
    }
    await clock.pass(10_000);
    const { vanished, leftOutMs } = await running;
    expect(vanished).toBe(10);
    expect(leftOutMs).toBeGreaterThanOrEqual(2_000);
    expect(leftOutMs).toBeLessThanOrEqual(2_080);
  });

  it('leaves nothing out, and does not speak of it, when the process keeps up', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const churn = new Churn(
      members(100, () => {}),
      { clock, random: constantRandom(0.9), signal },
    );
    const running = churn.run({ ratePerS: 2, forMs: 2_000 });
    await clock.pass(6_000);
    const summary = await running;
    expect(summary.leftOutMs).toBe(0);
    expect(describeChurn({ ...summary, skipped: 3 })).toBe(
      'churn: 0 left and 4 vanished, and all returned; 3 turns skipped',
    );
  });
});
