import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../harness/seed.js';
import { Holdings } from '../../src/base/holdings.js';
import { type Charge, SharedBytes } from '../../src/base/shared-bytes.js';

const BYTES_MAX = 100;
const HOLDERS = 5;

interface Holder {
  readonly name: number;
}

const holdersOf = (count: number): readonly Holder[] => Array.from({ length: count }, (_, name) => ({ name }));

describe('Holdings', () => {
  it('tell the holder of most to leave when all hold too much, and count nothing of it from then on', () => {
    const [small, large] = holdersOf(2);
    const told: Holder[] = [];
    const holdings = new Holdings<Holder>({ bytesMax: BYTES_MAX, expel: (holder) => told.push(holder) });
    holdings.add(small, 40);
    holdings.add(large, 60);
    expect(told).toEqual([]);
    holdings.add(small, 1);
    expect([told, holdings.total]).toEqual([[large], 41]);
    holdings.add(large, 1_000);
    holdings.add(large, -1_060);
    expect([told, holdings.total]).toEqual([[large], 41]);
  });

  it('of several that hold as much tell the one that has held something for longest without a break', () => {
    const [taking, stuck, late] = holdersOf(3);
    const told: Holder[] = [];
    const holdings = new Holdings<Holder>({ bytesMax: BYTES_MAX, expel: (holder) => told.push(holder) });
    holdings.add(taking, 34);
    holdings.add(stuck, 34);
    holdings.add(taking, -34);
    holdings.add(taking, 34);
    holdings.add(late, 34);
    expect(told).toEqual([stuck]);
  });

  it('go on counting a holder that lets go of its bytes instead of leaving', () => {
    const [one] = holdersOf(1);
    const holdings: Holdings<Holder> = new Holdings({
      bytesMax: BYTES_MAX,
      expel: (holder) => holdings.add(holder, -holdings.of(holder)),
    });
    holdings.add(one, 101);
    expect(holdings.total).toBe(0);
    holdings.add(one, 50);
    expect(holdings.total).toBe(50);
  });

  it(`are what a list of all holders says, whatever they do (seed ${SEED})`, () => {
    const steps = fc.array(
      fc.record({ who: fc.nat(HOLDERS - 1), bytes: fc.integer({ min: -60, max: 60 }), leaves: fc.nat(9) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (taken) => {
        const all = holdersOf(HOLDERS);
        const told: number[] = [];
        const expected: number[] = [];
        const model = new Map<number, number>();
        const gone = new Set<number>();
        const holdings = new Holdings<Holder>({ bytesMax: BYTES_MAX, expel: ({ name }) => told.push(name) });
        for (const { who, bytes, leaves } of taken) {
          const held = model.get(who) ?? 0;
          const more = gone.has(who) ? bytes : Math.max(bytes, -held);
          if (leaves === 0) {
            holdings.forget(all[who]);
            gone.add(who);
            model.delete(who);
          } else if (!gone.has(who)) {
            if (held + more === 0) model.delete(who);
            else model.set(who, held + more);
            const total = () => [...model.values()].reduce((sum, one) => sum + one, 0);
            while (total() > BYTES_MAX) {
              const [[greatest]] = [...model].sort(([, a], [, b]) => b - a);
              expected.push(greatest);
              gone.add(greatest);
              model.delete(greatest);
            }
          }
          if (leaves !== 0) holdings.add(all[who], more);
          expect(holdings.total).toBe([...model.values()].reduce((sum, one) => sum + one, 0));
          expect(all.map((holder) => holdings.of(holder))).toEqual(all.map(({ name }) => model.get(name) ?? 0));
          expect(told).toEqual(expected);
        }
      }),
      { seed: SEED },
    );
  });
});

describe('Bytes that are shared', () => {
  const made = () => {
    const holdings = new Holdings<Holder>({ bytesMax: Number.POSITIVE_INFINITY, expel: () => {} });
    return { holdings, shared: new SharedBytes(holdings) };
  };

  it('count once, however many have them on their way, until the last has them no more', () => {
    const { holdings, shared } = made();
    const bytes = new Uint8Array(50);
    const [a, b] = holdersOf(2);
    const charges = [a, a, b].map((holder) => shared.take(holder, bytes.subarray(10)));
    expect([holdings.total, holdings.of(a)]).toEqual([40, 40]);
    charges[0].drop();
    expect(holdings.of(a)).toBe(40);
    charges[1].drop();
    expect([holdings.of(a), holdings.of(b)]).toEqual([0, 40]);
    charges[2].drop();
    expect(holdings.total).toBe(0);
  });

  it('count for each of different messages, also when one lies in the other', () => {
    const { holdings, shared } = made();
    const bytes = new Uint8Array(50);
    const [a] = holdersOf(1);
    for (const message of [bytes, bytes.subarray(1), bytes.subarray(0, 49), bytes.slice()]) shared.take(a, message);
    expect(holdings.total).toBe(50 + 49 + 49 + 50);
  });

  it(`count as often as they are in memory, whoever takes and drops them (seed ${SEED})`, () => {
    const steps = fc.array(fc.record({ who: fc.nat(HOLDERS - 1), message: fc.nat(3), drops: fc.boolean() }));
    fc.assert(
      fc.property(steps, (taken) => {
        const { holdings, shared } = made();
        const all = holdersOf(HOLDERS);
        const messages = [1, 10, 100, 1_000].map((length) => new Uint8Array(length));
        const held: { readonly charge: Charge; readonly message: number }[] = [];
        for (const { who, message, drops } of taken) {
          if (drops) held.splice(who % Math.max(1, held.length), 1)[0]?.charge.drop();
          else held.push({ charge: shared.take(all[who], messages[message]), message });
          const inMemory = new Set(held.map((one) => one.message));
          expect(holdings.total).toBe([...inMemory].reduce((sum, one) => sum + messages[one].length, 0));
        }
      }),
      { seed: SEED },
    );
  });
});
