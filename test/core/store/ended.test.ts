import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { EndedSessions } from '../../../src/core/store/ended.js';

const session = (sid: number) => ({ sid, tokenHash: String(sid).repeat(32) });

describe('the ended sessions that are remembered', () => {
  it('are never more than the bound', () => {
    const ended = new EndedSessions(() => 3);
    for (let sid = 1; sid <= 10_000; sid++) ended.add(session(sid), CloseReason.EXPIRED);
    expect([...ended.all()].map(([sid]) => sid)).toEqual([9_998, 9_999, 10_000]);
  });

  it('know tokens that were never theirs, as far as they were told', () => {
    const ended = new EndedSessions(() => 3);
    ended.add({ sid: 7, tokenHash: 'abcdefghij' }, CloseReason.EXPIRED);
    ended.restore(8, { reason: CloseReason.EXPIRED, tokenCheck: undefined });
    expect([ended.isForeign(7, 'abcdefghxx'), ended.isForeign(7, 'abcdefxxij')]).toEqual([false, true]);
    expect([ended.isForeign(8, 'any'), ended.isForeign(9, 'any')]).toEqual([false, false]);
  });

  it('are none when none are to be remembered', () => {
    const ended = new EndedSessions(() => 0);
    for (const sid of [1, 2]) ended.add(session(sid), CloseReason.EXPIRED);
    expect([...ended.all()]).toEqual([]);
  });

  it(`are the last few that do not live, the oldest first (seed ${SEED})`, () => {
    const reason = fc.constantFrom(CloseReason.TERMINATED, CloseReason.EXPIRED);
    const step = fc.tuple(fc.nat({ max: 8 }), fc.option(reason, { freq: 4 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const ended = new EndedSessions(() => 4);
        let model: [number, CloseReason][] = [];
        for (const [sid, why] of steps) {
          model = model.filter(([other]) => other !== sid);
          if (why === null) ended.delete(sid);
          else {
            ended.add(session(sid), why);
            model = [...model, [sid, why] as [number, CloseReason]].slice(-4);
          }
          expect([...ended.all()].map(([other, { reason }]) => [other, reason])).toEqual(model);
          expect(ended.get(sid)).toBe(why ?? undefined);
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });
});
