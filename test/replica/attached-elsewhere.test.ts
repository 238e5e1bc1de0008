import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { AttachedElsewhere, SETTLE_MS } from '../../src/replica/attached-elsewhere.js';

const SID = 9;

describe('what a server knows of sessions that are attached at others', () => {
  let clock: ManualClock;
  let living: Set<number>;
  let told: (readonly [number, boolean])[];
  let others: AttachedElsewhere;

  beforeEach(() => {
    clock = new ManualClock();
    living = new Set([SID]);
    told = [];
    others = new AttachedElsewhere(clock, (sid) => living.has(sid));
    others.changed = (...change) => void told.push(change);
  });

  it('is told once, however often a server repeats it', () => {
    others.attached(SID);
    others.attached(SID);
    others.gone(SID);
    others.gone(SID);
    clock.advance(2 * SETTLE_MS);
    expect(told).toEqual([
      [SID, true],
      [SID, false],
    ]);
    expect(others.has(SID)).toBe(false);
  });

  it('does not change where a session is attached at another server within a second', () => {
    others.attached(SID);
    others.gone(SID);
    clock.advance(SETTLE_MS - 1);
    expect(others.has(SID)).toBe(true);
    others.attached(SID);
    clock.advance(10 * SETTLE_MS);
    expect([told, others.has(SID)]).toEqual([[[SID, true]], true]);
  });

  it('gives up a session that was to come and is reported nowhere', () => {
    others.expected(SID);
    expect(others.has(SID)).toBe(true);
    clock.advance(2 * SETTLE_MS);
    expect(others.has(SID)).toBe(false);
  });

  it('gives a session that moves twice a whole second each time', () => {
    others.expected(SID);
    clock.advance(SETTLE_MS - 100);
    others.expected(SID);
    clock.advance(SETTLE_MS - 100);
    others.attached(SID);
    clock.advance(10 * SETTLE_MS);
    expect([told, others.has(SID)]).toEqual([[[SID, true]], true]);
  });

  it('takes what is reported of a session that this server is about to hear of, once it has', () => {
    living.clear();
    others.attached(SID);
    clock.advance(2 * SETTLE_MS);
    expect([told, others.has(SID)]).toEqual([[], false]);
    living.add(SID);
    clock.advance(SETTLE_MS);
    expect([told, others.has(SID)]).toEqual([[[SID, true]], true]);
  });

  it('takes nothing of a session that had ended here before it was reported, once the leader has heard of the end', () => {
    living.clear();
    others.attached(SID);
    others.gone(SID);
    living.add(SID);
    clock.advance(10 * SETTLE_MS);
    expect(told).toEqual([]);
  });

  it('keeps a session of which no server says anything until the given time, and says then that it is missed', () => {
    const missed: number[] = [];
    others.missed = (sid) => void missed.push(sid);
    others.attached(SID);
    others.awaits(SID, 10_000);
    clock.advance(9_000);
    expect([others.has(SID), others.isAwaited(SID)]).toEqual([true, true]);
    clock.advance(2_000);
    expect([others.has(SID), others.isAwaited(SID), missed]).toEqual([false, false, [SID]]);
  });

  it('keeps no session that comes back waiting', () => {
    others.attached(SID);
    others.awaitsAll(10_000);
    others.attached(SID);
    clock.advance(20_000);
    expect(told).toEqual([[SID, true]]);
  });

  it('drops what a list of all does not name', () => {
    living.add(10);
    others.attached(SID);
    others.attached(10);
    others.keepOnly(new Set([10]));
    clock.advance(2 * SETTLE_MS);
    expect([...others.sids()]).toEqual([10]);
  });

  it('forgets a session that has ended without a word', () => {
    others.attached(SID);
    others.gone(SID);
    others.forget(SID);
    clock.advance(2 * SETTLE_MS);
    expect([told, others.count]).toEqual([[[SID, true]], 0]);
  });

  it.each(['reported as gone', 'awaited in vain'])('gives up sessions %s a few thousand a turn, in order', (why) => {
    const sids = Array.from({ length: 10_000 }, (_, at) => at + 1);
    living = new Set(sids);
    for (const sid of sids) others.attached(sid);
    told.length = 0;
    if (why === 'awaited in vain') others.awaitsAll(100);
    else for (const sid of sids) others.gone(sid);
    const turns: number[] = [];
    const { soon } = clock;
    clock.soon = (call) => {
      turns.push(told.length);
      expect(others.count).toBe(sids.length - told.length);
      soon.call(clock, call);
    };
    clock.advance(2 * SETTLE_MS);
    expect(turns).toEqual([4_096, 8_192]);
    expect(told).toEqual(sids.map((sid) => [sid, false]));
  });
});
