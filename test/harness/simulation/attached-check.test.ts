import { describe, expect, it } from '@jest/globals';
import { AttachedCheck } from '../../../harness/simulation/cluster/attached-check.js';
import { Process } from '../../../harness/simulation/machine/process.js';
import { Scheduler } from '../../../harness/simulation/machine/scheduler.js';
import { Verdict } from '../../../harness/simulation/verdict.js';

const SID = 9;

/** Two servers, the session attached at the first, which the second hears of, or not. What the second tells is told by `tell`. */
function makeWorld(hears: boolean) {
  const scheduler = new Scheduler();
  const verdict = new Verdict(() => scheduler.nowMs);
  const places = [true, false].map((isThere) => {
    const attachments = {
      sids: () => (isThere ? [SID] : []),
      isAttached: () => isThere,
      isKnownAttached: () => isThere || hears,
    };
    const state = { sessions: { sidsAscending: () => [SID] } };
    return { server: { name: 's', isUp: true, process: new Process(scheduler), state, replica: { attachments } } };
  });
  const check = new AttachedCheck({ scheduler, verdict, isCalm: true, places } as never);
  const tell = (at: number, isAttached: boolean) => check.tell(places[at].server.process, SID, isAttached);
  tell(0, true);
  check.begin();
  const found = async (ms: number) => {
    await scheduler.run(ms, () => verdict.violation !== undefined);
    check.judgeRest();
    return verdict.violation?.check;
  };
  return { check, tell, found };
}

describe('the check of what servers say of attachments', () => {
  it('finds nothing where all say the same', async () => {
    const { check, tell, found } = makeWorld(true);
    tell(1, true);
    expect(await found(60_000)).toBeUndefined();
    expect(check.compared).toBeGreaterThan(100);
  });

  it('finds a server that does not hear of an attachment, once all have had time', async () => {
    expect(await makeWorld(false).found(15_000)).toBeUndefined();
    expect(await makeWorld(false).found(30_000)).toBe('Attached');
  });

  it('finds a server that does not tell its watchers, or tells them twice', async () => {
    expect(await makeWorld(true).found(1_000)).toBe('Attached');
    const { tell, found } = makeWorld(true);
    for (const _ of [1, 2]) tell(1, true);
    expect(await found(1)).toBe('Attached');
  });
});
