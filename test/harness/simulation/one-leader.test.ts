import { describe, expect, it } from '@jest/globals';
import { OneLeader } from '../../../harness/simulation/cluster/one-leader.js';
import { Scheduler } from '../../../harness/simulation/machine/scheduler.js';
import { Verdict } from '../../../harness/simulation/verdict.js';

/** What is found of servers of these roles within so long. */
async function found(roles: readonly string[], ms: number, isStopped = false): Promise<string | undefined> {
  const scheduler = new Scheduler();
  const verdict = new Verdict(() => scheduler.nowMs);
  const places = roles.map((role, at) => ({
    name: `s${at + 1}`,
    server: { member: { role } },
    process: { isAlive: true, isStopped: isStopped && at === 0 },
  }));
  new OneLeader({ scheduler, verdict, places: places as never }).begin();
  await scheduler.run(ms, () => false);
  return verdict.violation?.check;
}

describe('the check that one server leads', () => {
  it('finds two that lead for longer than a lease', async () => {
    expect(await found(['leading', 'following', 'leading'], 4_200)).toBeUndefined();
    expect(await found(['leading', 'following', 'leading'], 5_000)).toBe('Led');
  });

  it('finds nothing where one leads, or the other one stands still', async () => {
    expect(await found(['leading', 'following'], 60_000)).toBeUndefined();
    expect(await found(['leading', 'leading'], 60_000, true)).toBeUndefined();
  });
});
