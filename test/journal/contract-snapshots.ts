import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Opened } from './contract.js';
import { decodedUntilError, expectBroken, heldBack, parts, partsOf, records, revisionsAfter } from './reading.js';

/** What the contract says about snapshots, and about what they make needless. */
export function snapshotsContract(opened: Opened): void {
  describe('snapshots', () => {
    beforeEach(() => opened.journal.append(records(1, 9)));

    it('come back as they were stored, before and after the journal is opened again', async () => {
      await opened.journal.writeSnapshot(7, parts(7, ['g']));
      await opened.journal.writeSnapshot(3, parts(3, ['a', 'b', 'c']));
      for (let times = 0; times < 2; times++) {
        expect(opened.journal.snapshots()).toEqual([3, 7]);
        expect(await partsOf(opened.journal, 3)).toEqual(['a', 'b', 'c']);
        expect(await partsOf(opened.journal, 7)).toEqual(['g']);
        await opened.reopen();
      }
    });

    it('can be empty, and large', async () => {
      await opened.journal.writeSnapshot(1, parts(1, []));
      const large = Array.from({ length: 40 }, (_, at) => `${at}`.repeat(50_000));
      await opened.journal.writeSnapshot(2, parts(2, large));
      await opened.reopen();
      expect(await partsOf(opened.journal, 1)).toEqual([]);
      expect(await partsOf(opened.journal, 2)).toEqual(large);
    });

    it('do not keep appends waiting, and count only when they are whole', async () => {
      const { chunks, goOn } = heldBack(5, ['a', 'b']);
      const writing = opened.journal.writeSnapshot(5, chunks);
      await opened.journal.append(records(10, 12));
      expect(opened.journal.snapshots()).toEqual([]);
      goOn();
      await writing;
      expect(opened.journal.snapshots()).toEqual([5]);
    });

    it('that fail leave nothing, and can be stored again with fewer parts', async () => {
      const { chunks, fail } = heldBack(5, ['a', 'b', 'c']);
      const writing = opened.journal.writeSnapshot(5, chunks);
      const size = opened.journal.size();
      fail(new Error('no more rows'));
      await expect(writing).rejects.toThrow('no more rows');
      expect(opened.journal.snapshots()).toEqual([]);
      expect(opened.journal.size()).toBeLessThanOrEqual(size + 100_000);
      await opened.journal.writeSnapshot(5, parts(5, ['x']));
      await opened.reopen();
      expect(await partsOf(opened.journal, 5)).toEqual(['x']);
    });

    it('come one at a time, once each, and where there are records: all else is a broken invariant', async () => {
      const { chunks, goOn } = heldBack(5, ['a']);
      const writing = opened.journal.writeSnapshot(5, chunks);
      await expectBroken(opened.journal.writeSnapshot(6, parts(6, ['b'])));
      goOn();
      await writing;
      await expectBroken(opened.journal.writeSnapshot(5, parts(5, ['b'])));
      await expectBroken(opened.journal.writeSnapshot(10, parts(10, ['b'])));
      await expectBroken(opened.journal.writeSnapshot(0, parts(0, ['b'])));
      expect(() => opened.journal.openSnapshot(6)).toThrow('no snapshot at revision 6');
      expect(opened.journal.snapshots()).toEqual([5]);
    });
  });

  describe('compaction', () => {
    beforeEach(() => opened.journal.append(records(1, 9)));

    it('forgets what the snapshot makes needless, and no more', async () => {
      await opened.journal.writeSnapshot(3, parts(3, ['a']));
      await opened.journal.writeSnapshot(5, parts(5, ['b', 'c']));
      await opened.journal.writeSnapshot(8, parts(8, ['d']));
      await opened.journal.compact(5);
      for (let times = 0; times < 2; times++) {
        expect(opened.journal.snapshots()).toEqual([5, 8]);
        expect(await partsOf(opened.journal, 5)).toEqual(['b', 'c']);
        expect(await revisionsAfter(opened.journal, 5)).toEqual([6, 7, 8, 9]);
        await opened.reopen();
      }
      expect(() => opened.journal.openSnapshot(3)).toThrow('no snapshot at revision 3');
    });

    it('of everything leaves the last revision known', async () => {
      await opened.journal.writeSnapshot(9, parts(9, ['a']));
      await opened.journal.compact(9);
      await opened.reopen();
      expect(opened.journal.last).toBe(9);
      expect(await revisionsAfter(opened.journal, 9)).toEqual([]);
      await expectBroken(opened.journal.append(records(1, 1)));
      await opened.journal.append(records(10, 10));
      expect(await revisionsAfter(opened.journal, 9)).toEqual([10]);
    });

    it('makes asking for what was forgotten a broken invariant, and a lost record after it damage', async () => {
      await opened.journal.writeSnapshot(5, parts(5, ['a']));
      await opened.journal.compact(5);
      await expectBroken(revisionsAfter(opened.journal, 4));
      await opened.reopen(() => opened.disk.loseRecord(6));
      expect(await decodedUntilError(opened.journal, 5)).toEqual({ revisions: [], kind: 'damaged', revision: 6 });
    });

    it('needs a snapshot', async () => {
      await expectBroken(opened.journal.compact(5));
      expect(await revisionsAfter(opened.journal, 0)).toHaveLength(9);
    });

    it('lets appends in between', async () => {
      for (let from = 10; from <= 6_000; from += 599) await opened.journal.append(records(from, from + 598));
      await opened.journal.writeSnapshot(5_000, parts(5_000, ['a']));
      let compacted = false;
      const compacting = opened.journal.compact(5_000).then(() => {
        compacted = true;
      });
      let between = 0;
      while (!compacted) {
        await opened.journal.append(records(opened.journal.last + 1, opened.journal.last + 1));
        between++;
      }
      await compacting;
      expect(between).toBeGreaterThan(0);
      expect(await revisionsAfter(opened.journal, 5_000)).toHaveLength(opened.journal.last - 5_000);
    });

    it('keeps the size within bounds, whatever is written, even while somebody reads', async () => {
      const oldest = opened.journal.read(0)[Symbol.asyncIterator]();
      await oldest.next();
      const sizes: number[] = [];
      for (let round = 0; round < 30; round++) {
        await opened.journal.append(records(opened.journal.last + 1, opened.journal.last + 400));
        await opened.journal.writeSnapshot(opened.journal.last, parts(opened.journal.last, ['x'.repeat(100_000)]));
        await opened.journal.compact(opened.journal.last);
        sizes.push(opened.journal.size());
      }
      if (opened.disk.isShared !== true) expect(Math.max(...sizes)).toBeLessThanOrEqual(sizes[2] * 2);
      expect(await revisionsAfter(opened.journal, opened.journal.last)).toEqual([]);
    });
  });
}
