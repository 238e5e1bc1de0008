import { beforeEach, describe, expect, it } from '@jest/globals';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { FORMAT_VERSION, FrameKind, seal } from '../../src/journal/format/frame.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import type { Opened } from './contract.js';
import { decodedUntilError, expectBroken, parts, partsOf, records, revisionsAfter, stored } from './reading.js';

/** What the contract says about records: how they are added, and how damage is found. */
export function recordsContract(opened: Opened): void {
  describe('appending', () => {
    it('begins with nothing', async () => {
      expect(opened.journal.last).toBe(0);
      expect(opened.journal.snapshots()).toEqual([]);
      expect(await revisionsAfter(opened.journal, 0)).toEqual([]);
    });

    it('gives back what was appended, in order, before and after it is opened again', async () => {
      await opened.journal.append(records(1, 1));
      await opened.journal.append(records(2, 30));
      const expected = records(1, 30).map(({ revision, bytes }) => ({ revision, bytes: Buffer.from(bytes) }));
      expect(await stored(opened.journal, 0)).toEqual(expected);
      await opened.reopen();
      expect(opened.journal.last).toBe(30);
      expect(await stored(opened.journal, 0)).toEqual(expected);
      await opened.journal.append(records(31, 31));
      expect(await revisionsAfter(opened.journal, 29)).toEqual([30, 31]);
    });

    it('begins with format 2, and moves a journal of format 1 on with the append after it was told so, with the limits it was told', async () => {
      await opened.journal.append(records(1, 3));
      expect([opened.journal.format, opened.journal.initialLimits]).toEqual([2, undefined]);
      const { age } = opened.disk;
      if (age === undefined) return;
      await opened.reopen(age);
      expect(opened.journal.format).toBe(1);
      await expectBroken(opened.journal.append(records(4, 4)));
      const limits = { ...INITIAL_LIMITS, sessionsMax: 5 };
      opened.journal.moveOn(limits);
      await opened.reopen();
      expect([opened.journal.format, opened.journal.last]).toEqual([1, 3]);
      opened.journal.moveOn(limits);
      await opened.journal.append(records(4, 4));
      for (let time = 0; time < 2; time++) {
        expect([opened.journal.format, opened.journal.initialLimits]).toEqual([2, limits]);
        expect(await revisionsAfter(opened.journal, 0)).toEqual([1, 2, 3, 4]);
        await opened.reopen();
      }
      opened.journal.moveOn(INITIAL_LIMITS);
      await opened.journal.append(records(5, 5));
      expect(opened.journal.initialLimits).toEqual(limits);
    });

    it('gets format 3 with the first record that needs it, and keeps it, also where a compaction is on its way', async () => {
      await opened.journal.append(records(1, 5));
      await opened.journal.writeSnapshot(5, parts(5, ['a state']));
      expect(opened.journal.format).toBe(2);
      const revoke = encodeRecord(6, { kind: 'RevokeIdentity', uuid: '00000000-0000-4000-8000-000000000001' });
      await Promise.all([opened.journal.append([revoke]), opened.journal.compact(5)]);
      await opened.journal.append(records(7, 7));
      for (let time = 0; time < 2; time++) {
        expect([opened.journal.format, opened.journal.compacted, opened.journal.last]).toEqual([3, 5, 7]);
        expect(await revisionsAfter(opened.journal, 5)).toEqual([6, 7]);
        await opened.reopen();
      }
    });

    it('gives back more than is read in one go', async () => {
      for (let from = 1; from <= 5_000; from += 500) await opened.journal.append(records(from, from + 499));
      expect(await revisionsAfter(opened.journal, 0)).toEqual(Array.from({ length: 5_000 }, (_, at) => at + 1));
    });

    it('has nothing to do for no records', async () => {
      await opened.journal.append([]);
      expect(opened.journal.last).toBe(0);
    });

    it('says what is durable only when it is', async () => {
      const done = opened.journal.append(records(1, 3));
      expect(opened.journal.last).toBe(0);
      await done;
      expect(opened.journal.last).toBe(3);
    });

    it('stops reading at the record that was last when reading began', async () => {
      await opened.journal.append(records(1, 3));
      const read: number[] = [];
      for await (const slice of opened.journal.read(0)) {
        if (read.length === 0) await opened.journal.append(records(4, 5));
        for (const { revision } of slice) read.push(revision);
      }
      expect(read).toEqual([1, 2, 3]);
    });

    it.each([
      ['a gap', records(4, 4)],
      ['a revision that is there', records(2, 2)],
      ['a gap within', [...records(3, 3), ...records(5, 5)]],
      ['the wrong order', records(3, 4).reverse()],
    ])('refuses %s as a broken invariant, and writes nothing', async (_, wrong) => {
      await opened.journal.append(records(1, 2));
      await expectBroken(opened.journal.append(wrong));
      expect(await revisionsAfter(opened.journal, 0)).toEqual([1, 2]);
      await opened.journal.append(records(3, 3));
    });

    it('refuses an append that overlaps another as a broken invariant', async () => {
      const first = opened.journal.append(records(1, 2));
      await expectBroken(opened.journal.append(records(3, 3)));
      await first;
      expect(await revisionsAfter(opened.journal, 0)).toEqual([1, 2]);
    });
  });

  describe('damage', () => {
    beforeEach(() => opened.journal.append(records(1, 9)));

    it('of a record is found where it is, and nothing after it is used', async () => {
      await opened.reopen(() => opened.disk.damageRecord(5));
      expect(await decodedUntilError(opened.journal, 0)).toEqual({
        revisions: [1, 2, 3, 4],
        kind: 'damaged',
        revision: 5,
      });
    });

    it('of the last record is found as well', async () => {
      await opened.reopen(() => opened.disk.damageRecord(9));
      expect(await decodedUntilError(opened.journal, 7)).toEqual({ revisions: [8], kind: 'damaged', revision: 9 });
    });

    it.each([1, 5])('is it when record %d is missing', async (lost) => {
      await opened.reopen(() => opened.disk.loseRecord(lost));
      const revisions = Array.from({ length: lost - 1 }, (_, at) => at + 1);
      expect(await decodedUntilError(opened.journal, 0)).toEqual({ revisions, kind: 'damaged', revision: lost });
    });

    it('is it when a record stands in the place of another', async () => {
      const [six] = records(6, 6);
      await opened.reopen(() => opened.disk.misplaceRecord(5, six.bytes));
      expect(await decodedUntilError(opened.journal, 3)).toEqual({ revisions: [4], kind: 'damaged', revision: 5 });
    });

    it('is not what a newer version is called, and nothing after it is used', async () => {
      const bytes = seal(FrameKind.RECORD, { revision: 10, part: 0 }, Buffer.from('of the future'), FORMAT_VERSION + 1);
      await opened.journal.append(records(10, 11));
      await opened.reopen(() => opened.disk.misplaceRecord(10, bytes));
      expect(await decodedUntilError(opened.journal, 8)).toEqual({ revisions: [9], kind: 'version', revision: 10 });
    });

    it('of a snapshot is found when it is read', async () => {
      await opened.journal.writeSnapshot(4, parts(4, ['a', 'b', 'c']));
      await opened.reopen(() => opened.disk.damagePart(4, 1));
      expect(opened.journal.snapshots()).toEqual([4]);
      await expect(partsOf(opened.journal, 4)).rejects.toMatchObject({ kind: 'damaged', revision: 4 });
    });
  });
}
