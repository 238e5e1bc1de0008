import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { KeptBytes } from '../../../src/client/carrier/kept-bytes.js';

const steps = fc.array(
  fc.oneof(
    fc.record({ send: fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 60_000, max: 140_000 })) }),
    fc.record({ take: fc.double({ min: 0, max: 1, noNaN: true }) }),
  ),
  { maxLength: 40 },
);

describe('what was sent and may not have been taken', () => {
  it(`is there from any place on that was not taken, and not changed by its writer (seed ${SEED})`, () => {
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (drawn, part) => {
        const kept = new KeptBytes();
        const all: Buffer[] = [];
        let [sent, taken] = [0, 0];
        for (const step of drawn) {
          if ('send' in step) {
            const bytes = Buffer.from(Uint8Array.from({ length: step.send }, (_, at) => (sent + at) * 31 + (at >> 8)));
            all.push(Buffer.from(bytes));
            kept.add(bytes);
            bytes.fill(0);
            sent += step.send;
          } else {
            taken += Math.floor((sent - taken) * step.take);
            kept.taken(taken);
          }
        }
        const place = taken + Math.floor((sent - taken) * part);
        expect(kept.end).toBe(sent);
        expect(Buffer.concat(kept.after(place)).equals(Buffer.concat(all).subarray(place))).toBe(true);
        expect(() => kept.after(sent + 1)).toThrow();
        expect(kept.takenEnd).toBe(taken);
        expect(() => kept.after(taken - 1)).toThrow();
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('holds no more than a block and what is filled again soon, and nothing once all was taken', () => {
    const kept = new KeptBytes();
    for (let sent = 1; sent <= 1_000; sent++) {
      kept.add(Buffer.alloc(65_536));
      kept.taken((sent - 4) * 65_536);
    }
    expect(kept.heldBytes).toBeLessThanOrEqual((4 + 16) * 65_536);
    kept.taken(1_000 * 65_536);
    expect(kept.heldBytes).toBe(0);
  });
});
