import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import {
  baseOfSid,
  flavorOfSid,
  makeSid,
  poolOf,
  poolOfSid,
  SidAllocator,
  typeOfSid,
} from '../../../src/core/store/sid.js';

/** Takes the next SID of a pool; undefined when none is left. */
function takeNext(sids: SidAllocator, live: Set<number>, pool: number): number | undefined {
  const sid = sids.peek(pool);
  if (sid === undefined) return undefined;
  sids.take(sid);
  live.add(sid);
  return sid;
}

function allocator(baseMax: number) {
  const live = new Set<number>();
  const sids = new SidAllocator(
    () => baseMax,
    (sid) => live.has(sid),
  );
  return {
    sids,
    next: (pool: number) => takeNext(sids, live, pool),
    free: (sid: number) => {
      live.delete(sid);
      sids.free(sid);
    },
  };
}

describe('a SID', () => {
  it.each([
    // base, flavor, type: the words of the contract, written out by hand
    [1, 0, 1, 0x0000_0101],
    [1, 0, 2, 0x0000_0102],
    [1, 31, 7, 0x0000_01ff],
    [2, 1, 3, 0x0000_020b],
    [2 ** 23 - 1, 31, 7, 0x7fff_ffff],
  ])('of base %i, flavor %i and type %i is %i', (base, flavor, type, sid) => {
    expect(makeSid(type, flavor, base)).toBe(sid);
    expect([baseOfSid(sid), flavorOfSid(sid), typeOfSid(sid)]).toEqual([base, flavor, type]);
  });

  it(`comes apart into what it was made of, and is positive (seed ${SEED})`, () => {
    const parts = fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 31 }), fc.integer({ min: 1, max: 2 ** 23 - 1 }));
    fc.assert(
      fc.property(parts, ([type, flavor, base]) => {
        const sid = makeSid(type, flavor, base);
        expect(sid).toBeGreaterThan(0);
        expect(sid).toBeLessThan(2 ** 31);
        expect([typeOfSid(sid), flavorOfSid(sid), baseOfSid(sid)]).toEqual([type, flavor, base]);
        expect(poolOfSid(sid)).toBe(poolOf(type, flavor));
      }),
      { seed: SEED },
    );
  });
});

describe('the allocator', () => {
  it('begins each type and flavor at base 1, and counts on', () => {
    const { next } = allocator(1000);
    expect([next(2), next(2), next(3), next(2), next(255)].map((sid) => baseOfSid(sid!))).toEqual([1, 2, 1, 3, 1]);
  });

  it('hands out the same SID however often it is asked, until it is taken', () => {
    const { sids, next } = allocator(1000);
    expect([sids.peek(2), sids.peek(2), next(2)]).toEqual([0x102, 0x102, 0x102]);
  });

  it('hands a freed base out again only after all others', () => {
    const { next, free } = allocator(4);
    const first = next(2)!;
    free(first);
    expect([next(2), next(2), next(2)].map((sid) => baseOfSid(sid!))).toEqual([2, 3, 4]);
    expect(next(2)).toBe(first);
  });

  it('goes round past bases that are still taken', () => {
    const { next, free } = allocator(4);
    const [, second, , fourth] = [next(2)!, next(2)!, next(2)!, next(2)!];
    free(fourth);
    free(second);
    expect([next(2), next(2)]).toEqual([second, fourth]);
  });

  it('has none left when every base is taken, and only then', () => {
    const { next, free } = allocator(3);
    const [first] = [next(2)!, next(2)!, next(2)!];
    expect(next(2)).toBeUndefined();
    expect(next(3)).toBeDefined();
    free(first);
    expect(next(2)).toBe(first);
    expect(next(2)).toBeUndefined();
  });

  it('goes on from a snapshot as it would have gone on', () => {
    const { sids, next, free } = allocator(5);
    const [first, second] = [next(2)!, next(2)!];
    next(2);
    free(first);
    const live = new Set([second, second + 0x100]);
    const restored = new SidAllocator(
      () => 5,
      (sid) => live.has(sid),
    );
    restored.cursors.set(sids.cursors);
    for (const sid of live) restored.restore(sid);
    const ours = [next(2), next(2), next(2), next(2)];
    expect([0, 1, 2, 3].map(() => takeNext(restored, live, 2))).toEqual(ours);
    expect(ours[3]).toBeUndefined();
  });

  it(`never repeats a live SID, and no freed one before those that were free for longer than it was taken (seed ${SEED})`, () => {
    const steps = fc.array(fc.option(fc.nat({ max: 9 }), { freq: 2 }), { maxLength: 80, size: 'max' });
    fc.assert(
      fc.property(steps, (run) => {
        const { next, free } = allocator(8);
        const live: number[] = [];
        /** When each base was handed out last, and when it was freed last; 0 for never. */
        const bases = Array.from({ length: 8 }, () => ({ given: 0, freed: 0 }));
        for (const [at, drop] of run.entries()) {
          const time = at + 1;
          if (drop !== null) {
            if (live.length === 0) continue;
            const [sid] = live.splice(drop % live.length, 1);
            bases[baseOfSid(sid) - 1].freed = time;
            free(sid);
            continue;
          }
          const sid = next(2);
          if (live.length === 8) {
            expect(sid).toBeUndefined();
            continue;
          }
          expect(live).not.toContain(sid);
          const taken = bases[baseOfSid(sid!) - 1];
          const unused = bases.filter((base) => base !== taken && base.freed >= base.given);
          for (const { freed } of unused) expect(taken.given > freed).toBe(false);
          taken.given = time;
          live.push(sid!);
        }
      }),
      { seed: SEED },
    );
  });
});
