import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Log } from '../../src/feed/log.js';

const entry = (revision: number, length: number): Uint8Array => new Uint8Array(length).fill(revision & 255);

describe('the log', () => {
  it('holds every entry past its floor, whole and in order, within its bounds', () => {
    const appended = fc.array(
      fc.record({ gap: fc.integer({ min: 1, max: 3 }), length: fc.integer({ min: 1, max: 40 }) }),
      {
        maxLength: 300,
      },
    );
    fc.assert(
      fc.property(
        appended,
        fc.integer({ min: 64, max: 2_000 }),
        fc.integer({ min: 1, max: 64 }),
        (steps, bytesMax, entriesMax) => {
          const log = new Log({ bytesMax, entriesMax }, 0);
          const all: { revision: number; length: number }[] = [];
          let revision = 0;
          for (const { gap, length } of steps) {
            revision += gap;
            log.append(revision, entry(revision, length));
            all.push({ revision, length });
            expect(log.byteSize).toBeLessThanOrEqual(Math.max(bytesMax, 40 + Math.ceil(bytesMax / 16)));
            expect(log.entryCount).toBeLessThanOrEqual(Math.max(entriesMax, 1 + Math.ceil(entriesMax / 16)));
          }
          const held = all.filter((one) => one.revision > log.floor);
          const read: number[] = [];
          for (let after = log.floor; ; ) {
            const run = log.read(after, 100);
            if (run === undefined) break;
            expect(run.revision).toBeGreaterThan(after);
            read.push(...run.bytes);
            after = run.revision;
          }
          expect(read).toEqual(held.flatMap((one) => [...entry(one.revision, one.length)]));
        },
      ),
    );
  });

  it('gives as many whole entries as fit, and one at least', () => {
    const log = new Log({ bytesMax: 1_600, entriesMax: 1_000 }, 0);
    for (let revision = 1; revision <= 4; revision++) log.append(revision, entry(revision, 30));
    expect(log.read(0, 60)).toMatchObject({ revision: 2 });
    expect(log.read(0, 89)).toMatchObject({ revision: 2 });
    expect(log.read(2, 1)).toMatchObject({ revision: 3 });
    expect(log.read(4, 100)).toBeUndefined();
  });

  it('keeps what was read as it was, also when it is cut off', () => {
    const log = new Log({ bytesMax: 160, entriesMax: 1_000 }, 0);
    log.append(1, entry(1, 10));
    const run = log.read(0, 100)!;
    for (let revision = 2; revision < 60; revision++) log.append(revision, entry(revision, 10));
    expect(log.floor).toBeGreaterThan(1);
    expect([...run.bytes]).toEqual(Array(10).fill(1));
  });

  it('stops the process rather than read what is cut off', () => {
    const log = new Log({ bytesMax: 160, entriesMax: 1_000 }, 5);
    expect(() => log.read(4, 100)).toThrow('revision 4 is cut off');
  });
});
