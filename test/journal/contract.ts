import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FrameKind, seal } from '../../src/journal/frame.js';
import { type Journal, JournalError, type StoredRecord } from '../../src/journal/journal.js';
import { decodeRecord, encodeRecord } from '../../src/journal/record.js';
import { commandAt, verify } from './workload.js';

/** Where a journal keeps what it stores, as a test gets at it while no journal has it open. */
export interface Disk {
  open(): Promise<Journal>;
  /** Flips one bit of a stored record. */
  damageRecord(revision: number): Promise<void>;
  loseRecord(revision: number): Promise<void>;
  /** Puts another record's bytes where this one's are. */
  misplaceRecord(revision: number, bytes: Uint8Array): Promise<void>;
  /** Flips one bit of a stored part. */
  damagePart(revision: number, part: number): Promise<void>;
  /** Runs the workload until it is cut off in the middle, and says up to where it was acknowledged. */
  crash(): Promise<number>;
  /** Plays `survivesFullDisk` (full.ts) with a disk of this kind. Throws where it does not hold. */
  fill(): Promise<void>;
  remove(): Promise<void>;
}

/** Records of a run of revisions. */
export function records(from: number, to: number): StoredRecord[] {
  return Array.from({ length: to - from + 1 }, (_, at) => encodeRecord(from + at, commandAt(from + at)));
}

/** What every implementation of the port does. */
export function journalContract(makeDisk: () => Promise<Disk>): void {
  let disk: Disk;
  let journal: Journal;

  beforeEach(async () => {
    disk = await makeDisk();
    journal = await disk.open();
  });

  afterEach(async () => {
    await journal.close();
    await disk.remove();
  });

  const reopen = async (change: () => Promise<unknown> = async () => undefined) => {
    await journal.close();
    await change();
    journal = await disk.open();
  };

  describe('appending', () => {
    it('begins with nothing', async () => {
      expect(journal.last).toBe(0);
      expect(journal.snapshots()).toEqual([]);
      expect(await revisionsAfter(journal, 0)).toEqual([]);
    });

    it('gives back what was appended, in order, before and after it is opened again', async () => {
      await journal.append(records(1, 1));
      await journal.append(records(2, 30));
      const expected = records(1, 30).map(({ revision, bytes }) => ({ revision, bytes: Buffer.from(bytes) }));
      expect(await stored(journal, 0)).toEqual(expected);
      await reopen();
      expect(journal.last).toBe(30);
      expect(await stored(journal, 0)).toEqual(expected);
      await journal.append(records(31, 31));
      expect(await revisionsAfter(journal, 29)).toEqual([30, 31]);
    });

    it('gives back more than is read in one go', async () => {
      for (let from = 1; from <= 5_000; from += 500) await journal.append(records(from, from + 499));
      expect(await revisionsAfter(journal, 0)).toEqual(Array.from({ length: 5_000 }, (_, at) => at + 1));
    });

    it('has nothing to do for no records', async () => {
      await journal.append([]);
      expect(journal.last).toBe(0);
    });

    it('says what is durable only when it is', async () => {
      const done = journal.append(records(1, 3));
      expect(journal.last).toBe(0);
      await done;
      expect(journal.last).toBe(3);
    });

    it('stops reading at the record that was last when reading began', async () => {
      await journal.append(records(1, 3));
      const read = journal.read(0)[Symbol.asyncIterator]();
      await read.next();
      await journal.append(records(4, 5));
      const rest = [await read.next(), await read.next(), await read.next()];
      expect(rest.map(({ done, value }) => (done ? 'end' : value.revision))).toEqual([2, 3, 'end']);
    });

    it.each([
      ['a gap', records(4, 4)],
      ['a revision that is there', records(2, 2)],
      ['a gap within', [...records(3, 3), ...records(5, 5)]],
      ['the wrong order', records(3, 4).reverse()],
    ])('refuses %s as a broken invariant, and writes nothing', async (_, wrong) => {
      await journal.append(records(1, 2));
      await expectBroken(journal.append(wrong));
      expect(await revisionsAfter(journal, 0)).toEqual([1, 2]);
      await journal.append(records(3, 3));
    });

    it('refuses an append that overlaps another as a broken invariant', async () => {
      const first = journal.append(records(1, 2));
      await expectBroken(journal.append(records(3, 3)));
      await first;
      expect(await revisionsAfter(journal, 0)).toEqual([1, 2]);
    });
  });

  describe('damage', () => {
    beforeEach(() => journal.append(records(1, 9)));

    it('of a record is found where it is, and nothing after it is used', async () => {
      await reopen(() => disk.damageRecord(5));
      expect(await decodedUntilError(journal, 0)).toEqual({ revisions: [1, 2, 3, 4], kind: 'damaged', revision: 5 });
    });

    it('of the last record is found as well', async () => {
      await reopen(() => disk.damageRecord(9));
      expect(await decodedUntilError(journal, 7)).toEqual({ revisions: [8], kind: 'damaged', revision: 9 });
    });

    it.each([1, 5])('is it when record %d is missing', async (lost) => {
      await reopen(() => disk.loseRecord(lost));
      const revisions = Array.from({ length: lost - 1 }, (_, at) => at + 1);
      expect(await decodedUntilError(journal, 0)).toEqual({ revisions, kind: 'damaged', revision: lost });
    });

    it('is it when a record stands in the place of another', async () => {
      const [six] = records(6, 6);
      await reopen(() => disk.misplaceRecord(5, six.bytes));
      expect(await decodedUntilError(journal, 3)).toEqual({ revisions: [4], kind: 'damaged', revision: 5 });
    });

    it('is not what a newer version is called, and nothing after it is used', async () => {
      const bytes = seal(FrameKind.RECORD, { revision: 10, part: 0 }, Buffer.from('of the future'), 2);
      await journal.append([{ revision: 10, bytes }, ...records(11, 11)]);
      await reopen();
      expect(await decodedUntilError(journal, 8)).toEqual({ revisions: [9], kind: 'version', revision: 10 });
    });

    it('of a snapshot is found when it is read', async () => {
      await journal.writeSnapshot(4, parts(4, ['a', 'b', 'c']));
      await reopen(() => disk.damagePart(4, 1));
      expect(journal.snapshots()).toEqual([4]);
      await expect(partsOf(journal, 4)).rejects.toMatchObject({ kind: 'damaged', revision: 4 });
    });
  });

  describe('snapshots', () => {
    beforeEach(() => journal.append(records(1, 9)));

    it('come back as they were stored, before and after the journal is opened again', async () => {
      await journal.writeSnapshot(7, parts(7, ['g']));
      await journal.writeSnapshot(3, parts(3, ['a', 'b', 'c']));
      for (let times = 0; times < 2; times++) {
        expect(journal.snapshots()).toEqual([3, 7]);
        expect(await partsOf(journal, 3)).toEqual(['a', 'b', 'c']);
        expect(await partsOf(journal, 7)).toEqual(['g']);
        await reopen();
      }
    });

    it('can be empty, and large', async () => {
      await journal.writeSnapshot(1, parts(1, []));
      const large = Array.from({ length: 40 }, (_, at) => `${at}`.repeat(50_000));
      await journal.writeSnapshot(2, parts(2, large));
      await reopen();
      expect(await partsOf(journal, 1)).toEqual([]);
      expect(await partsOf(journal, 2)).toEqual(large);
    });

    it('do not keep appends waiting, and count only when they are whole', async () => {
      const { chunks, goOn } = heldBack(5, ['a', 'b']);
      const writing = journal.writeSnapshot(5, chunks);
      await journal.append(records(10, 12));
      expect(journal.snapshots()).toEqual([]);
      goOn();
      await writing;
      expect(journal.snapshots()).toEqual([5]);
    });

    it('that fail leave nothing, and can be stored again with fewer parts', async () => {
      const { chunks, fail } = heldBack(5, ['a', 'b', 'c']);
      const writing = journal.writeSnapshot(5, chunks);
      const size = journal.size();
      fail(new Error('no more rows'));
      await expect(writing).rejects.toThrow('no more rows');
      expect(journal.snapshots()).toEqual([]);
      expect(journal.size()).toBeLessThanOrEqual(size + 100_000);
      await journal.writeSnapshot(5, parts(5, ['x']));
      await reopen();
      expect(await partsOf(journal, 5)).toEqual(['x']);
    });

    it('come one at a time, once each, and where there are records: all else is a broken invariant', async () => {
      const { chunks, goOn } = heldBack(5, ['a']);
      const writing = journal.writeSnapshot(5, chunks);
      await expectBroken(journal.writeSnapshot(6, parts(6, ['b'])));
      goOn();
      await writing;
      await expectBroken(journal.writeSnapshot(5, parts(5, ['b'])));
      await expectBroken(journal.writeSnapshot(10, parts(10, ['b'])));
      await expectBroken(journal.writeSnapshot(0, parts(0, ['b'])));
      expect(() => journal.openSnapshot(6)).toThrow('no snapshot at revision 6');
      expect(journal.snapshots()).toEqual([5]);
    });
  });

  describe('compaction', () => {
    beforeEach(() => journal.append(records(1, 9)));

    it('forgets what the snapshot makes needless, and no more', async () => {
      await journal.writeSnapshot(3, parts(3, ['a']));
      await journal.writeSnapshot(5, parts(5, ['b', 'c']));
      await journal.writeSnapshot(8, parts(8, ['d']));
      await journal.compact(5);
      for (let times = 0; times < 2; times++) {
        expect(journal.snapshots()).toEqual([5, 8]);
        expect(await partsOf(journal, 5)).toEqual(['b', 'c']);
        expect(await revisionsAfter(journal, 5)).toEqual([6, 7, 8, 9]);
        await reopen();
      }
      expect(() => journal.openSnapshot(3)).toThrow('no snapshot at revision 3');
    });

    it('of everything leaves the last revision known', async () => {
      await journal.writeSnapshot(9, parts(9, ['a']));
      await journal.compact(9);
      await reopen();
      expect(journal.last).toBe(9);
      expect(await revisionsAfter(journal, 9)).toEqual([]);
      await expectBroken(journal.append(records(1, 1)));
      await journal.append(records(10, 10));
      expect(await revisionsAfter(journal, 9)).toEqual([10]);
    });

    it('makes asking for what was forgotten a broken invariant, and a lost record after it damage', async () => {
      await journal.writeSnapshot(5, parts(5, ['a']));
      await journal.compact(5);
      await expectBroken(revisionsAfter(journal, 4));
      await reopen(() => disk.loseRecord(6));
      expect(await decodedUntilError(journal, 5)).toEqual({ revisions: [], kind: 'damaged', revision: 6 });
    });

    it('needs a snapshot', async () => {
      await expectBroken(journal.compact(5));
      expect(await revisionsAfter(journal, 0)).toHaveLength(9);
    });

    it('lets appends in between', async () => {
      await journal.append(records(10, 6_000));
      await journal.writeSnapshot(5_000, parts(5_000, ['a']));
      let compacted = false;
      const compacting = journal.compact(5_000).then(() => {
        compacted = true;
      });
      let between = 0;
      while (!compacted) {
        await journal.append(records(journal.last + 1, journal.last + 1));
        between++;
      }
      await compacting;
      expect(between).toBeGreaterThan(0);
      expect(await revisionsAfter(journal, 5_000)).toHaveLength(journal.last - 5_000);
    });

    it('keeps the size within bounds, whatever is written, even while somebody reads', async () => {
      const oldest = journal.read(0)[Symbol.asyncIterator]();
      await oldest.next();
      const sizes: number[] = [];
      for (let round = 0; round < 30; round++) {
        await journal.append(records(journal.last + 1, journal.last + 400));
        await journal.writeSnapshot(journal.last, parts(journal.last, ['x'.repeat(100_000)]));
        await journal.compact(journal.last);
        sizes.push(journal.size());
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual(sizes[2] * 2);
    });
  });

  it('keeps everything that was acknowledged when its process is killed, and nothing by halves', async () => {
    for (let round = 0; round < 3; round++) {
      let acknowledged = 0;
      await reopen(async () => {
        acknowledged = await disk.crash();
      });
      await verify(journal, acknowledged);
    }
  });

  it('refuses appends while the disk is full, writes nothing by halves, and goes on when there is room', async () => {
    await disk.fill();
  });
}

async function stored(journal: Journal, after: number): Promise<StoredRecord[]> {
  const list: StoredRecord[] = [];
  for await (const { revision, bytes } of journal.read(after)) list.push({ revision, bytes: Buffer.from(bytes) });
  return list;
}

async function revisionsAfter(journal: Journal, after: number): Promise<number[]> {
  return (await stored(journal, after)).map(({ revision }) => revision);
}

/** Reads as a server would: the first record that is not right ends it. */
async function decodedUntilError(journal: Journal, after: number) {
  const revisions: number[] = [];
  try {
    for await (const record of journal.read(after)) {
      decodeRecord(record);
      revisions.push(record.revision);
    }
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    return { revisions, kind: error.kind, revision: error.revision };
  }
  return { revisions };
}

/** A broken invariant is an error, but none of those that a disk can be blamed for. */
async function expectBroken(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(JournalError);
}

async function* parts(revision: number, texts: readonly string[]): AsyncGenerator<Uint8Array> {
  let part = 0;
  for (const text of texts) yield seal(FrameKind.CHUNK, { revision, part: part++ }, Buffer.from(text));
}

async function partsOf(journal: Journal, revision: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const bytes of journal.openSnapshot(revision).chunks()) {
    const frame = Buffer.from(bytes);
    const again = seal(FrameKind.CHUNK, { revision, part: texts.length }, frame.subarray(6));
    if (!frame.equals(again)) throw new JournalError('damaged', 'not what was stored', { revision });
    texts.push(frame.toString('latin1', 6));
  }
  return texts;
}

/** Parts of which the last comes only when the test says so, if at all. */
function heldBack(revision: number, texts: readonly string[]) {
  let goOn = () => {};
  let fail = (_: Error) => {};
  const gate = new Promise<void>((resolve, reject) => {
    goOn = resolve;
    fail = reject;
  });
  async function* chunks() {
    for await (const part of parts(revision, texts)) {
      if (part.at(-1) === texts.at(-1)?.charCodeAt(0)) await gate;
      yield part;
    }
  }
  return { chunks: chunks(), goOn, fail };
}
