import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { Header } from '../../../gen/switchyard/journal/v1/folder.js';
import { FORMAT_VERSION, FrameKind, seal } from '../../../src/journal/format/frame.js';
import { HEADER_PLACE } from '../../../src/journal/format/header.js';
import { decodeRecord, encodeRecord } from '../../../src/journal/format/record.js';
import { SPACE_KEPT_BYTES } from '../../../src/journal/limits.js';
import { Folder, HEADER_KEY, partKey, revisionKey } from '../../../src/journal/storage/folder.js';
import { LmdbJournal } from '../../../src/journal/storage/lmdb.js';
import { freeBytes } from '../../../src/journal/storage/space.js';
import { type Disk, journalContract } from '../contract.js';
import { edit, inFolder, keysIn, put, rot, temporaryFolder } from '../damage.js';
import { headerOfFormat1 } from '../format-1.js';
import { survivesFullDisk } from '../full.js';
import { killAppender, startProgram } from '../process.js';
import { parts, records } from '../reading.js';

/** Enough for some appends of the workload, and not for many. */
const FULL_AT_BYTES = 600_000;

const below = (bound: number) => Math.floor(Math.random() * bound);

async function lmdbDisk(): Promise<Disk> {
  const folder = temporaryFolder();
  return {
    open: () => LmdbJournal.open(folder),
    damageRecord: async (revision) => rot(folder, records(revision, revision)[0].bytes),
    loseRecord: (revision) => edit(folder, 'records', revisionKey(revision), () => undefined),
    misplaceRecord: (revision, bytes) => edit(folder, 'records', revisionKey(revision), () => Buffer.from(bytes)),
    damagePart: (revision, part) =>
      edit(folder, 'snapshots', partKey(revision, part), (bytes) => {
        bytes[bytes.length - 1] ^= 1;
        return bytes;
      }),
    age: () => headerOfFormat1(folder),
    crash: () => killAppender(folder, { lines: 1 + below(60), delayMs: below(10) }),
    fill: () => {
      const path = join(folder, 'full');
      let capacity = FULL_AT_BYTES + SPACE_KEPT_BYTES;
      const freeBytes = () => capacity - statSync(join(path, 'data.mdb')).size;
      return survivesFullDisk(
        () => LmdbJournal.open(path, freeBytes),
        () => {
          capacity = Number.POSITIVE_INFINITY;
        },
      );
    },
    remove: async () => rmSync(folder, { recursive: true }),
  };
}

// Disks and processes: on a busy machine a test may take a while.
jest.setTimeout(60_000);

describe('the journal on disk', () => {
  journalContract(lmdbDisk);
});

describe('a data folder', () => {
  /** A journal with a few records, closed again. */
  async function made(folder: string): Promise<void> {
    const journal = await LmdbJournal.open(folder);
    await journal.append(records(1, 9));
    await journal.close();
  }

  it('is made with all the folders above it, for nobody else to read', () =>
    inFolder(async (top) => {
      const folder = join(top, 'a', 'b');
      await made(folder);
      expect(readdirSync(folder).sort()).toEqual(['data.mdb', 'lock', 'lock.mdb']);
    }));

  it('raises its format with a record that needs it, also when that is written alone after LMDB refused it with others', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      await journal.append(records(1, 3));
      const { number } = await journal.networks!.create({ name: 'north', sessionsMax: 0, createdAtMs: 1 });
      const other = await journal.networks!.open(number);
      const before = journal.format;
      const { write } = Folder.prototype;
      let calls = 0;
      const written = jest.spyOn(Folder.prototype, 'write').mockImplementation(function (this: Folder, ...given) {
        calls++;
        if (calls !== 2) return write.apply(this, given);
        // What LMDB undoes is as if it was never put.
        const put = jest.spyOn(Object.getPrototypeOf(this.layout.records.database), 'put').mockReturnValue(undefined);
        given[1]();
        put.mockRestore();
        return Promise.reject(Object.assign(new Error('no space'), { code: 28 }));
      });
      const add = encodeRecord(4, { kind: 'AddServer', uuid: '00000000-0000-5000-8000-000000000002', name: 'b' });
      const south = { name: 'south', sessionsMax: 0, createdAtMs: 1 };
      await Promise.all([other.append(records(1, 1)), journal.append([add]), journal.networks!.create(south)]);
      written.mockRestore();
      expect(calls).toBe(4);
      await journal.close();
      const again = await LmdbJournal.open(folder);
      expect([before < FORMAT_VERSION, again.format, again.last]).toEqual([true, FORMAT_VERSION, 4]);
      await again.close();
    }));

  it('is refused to a second journal of the same process', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      const refusal = { kind: 'locked', message: expect.stringContaining(`process ${process.pid} has`) };
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject(refusal);
      await journal.append(records(1, 1));
      await journal.close();
      await (await LmdbJournal.open(folder)).close();
    }));

  it('is refused while another process has it, and free when that was killed', () =>
    inFolder(async (folder) => {
      const child = startProgram('appender.ts', folder);
      const closed = new Promise((resolve) => child.on('close', resolve));
      await new Promise<void>((resolve) => {
        let said = '';
        child.stdout!.on('data', (bytes) => {
          said += bytes;
          if (said.split('\n').length > 3) resolve();
        });
      });
      const refusal = { kind: 'locked', message: expect.stringContaining(`process ${child.pid} has`) };
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject(refusal);
      child.kill('SIGKILL');
      await closed;
      await (await LmdbJournal.open(folder)).close();
    }));

  it('of a newer build is refused, and left as it is byte for byte', () =>
    inFolder(async (folder) => {
      await made(folder);
      const newer = seal(
        FrameKind.HEADER,
        HEADER_PLACE,
        Buffer.concat([Buffer.alloc(8), Header.encode({ initialLimits: undefined, release: '0.9.0' }).finish()]),
        FORMAT_VERSION + 1,
      );
      await edit(folder, null, HEADER_KEY, () => Buffer.from(newer));
      const before = readFileSync(join(folder, 'data.mdb'));
      const message = `the folder ${folder} has format version ${FORMAT_VERSION + 1}, written by release 0.9.0; this build knows version ${FORMAT_VERSION}. Nothing was changed. Start release 0.9.0 or a later one, or restore a backup from before the upgrade.`;
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'version', message });
      expect(readFileSync(join(folder, 'data.mdb')).equals(before)).toBe(true);
      expect(readdirSync(folder).sort()).toEqual(['data.mdb', 'lock', 'lock.mdb']);
    }));

  it('is damaged when its header is, or is not there', () =>
    inFolder(async (folder) => {
      await made(folder);
      await edit(folder, null, HEADER_KEY, (bytes) => {
        bytes[8] ^= 1;
        return bytes;
      });
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'damaged' });
      await edit(folder, null, HEADER_KEY, () => undefined);
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'damaged' });
    }));

  it.each(['of the records', 'of a header', 'of the first page'])(
    'is damaged when its file was cut short: %s',
    (what) =>
      inFolder(async (folder) => {
        const journal = await LmdbJournal.open(folder);
        await journal.append(records(1, 2_000));
        await journal.close();
        const kept = { 'of the records': 300_000, 'of a header': 2 * 4_096, 'of the first page': 100 }[what];
        truncateSync(join(folder, 'data.mdb'), kept);
        const found = LmdbJournal.open(folder).then(async (cut) => {
          try {
            for await (const records of cut.read(0)) for (const record of records) decodeRecord(record);
          } finally {
            await cut.close();
          }
        });
        await expect(found).rejects.toMatchObject({ kind: 'damaged' });
      }),
  );

  it('is damaged when its file is something else', () =>
    inFolder(async (folder) => {
      await made(folder);
      writeFileSync(join(folder, 'data.mdb'), 'this is no journal'.repeat(10_000));
      const message = expect.stringContaining('does not begin as an LMDB file does');
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'damaged', message });
    }));

  it('that cannot be made is a failure that says why', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'file');
      writeFileSync(path, '');
      const message = expect.stringContaining(path);
      await expect(LmdbJournal.open(path)).rejects.toMatchObject({ kind: 'failed', message });
    }));

  it('takes nothing more after a failure that is not for want of space', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      await journal.append(records(1, 3));
      await journal.close();
      const failure = await journal.append(records(4, 4)).catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: 'failed', message: expect.stringContaining(folder) });
      await expect(journal.append(records(4, 4))).rejects.toBe(failure);
      expect(journal.last).toBe(3);
    }));

  it('takes nothing more after a snapshot whose failure is not for want of space', () =>
    inFolder(async (folder) => {
      let holds = true;
      const journal = await LmdbJournal.open(folder, freeBytes, () => ({ holds: () => holds, release: () => {} }));
      await journal.append(records(1, 3));
      holds = false;
      await expect(journal.writeSnapshot(3, parts(3, ['a']))).rejects.toMatchObject({ kind: 'locked' });
      holds = true;
      await expect(journal.append(records(4, 4))).rejects.toMatchObject({ kind: 'locked' });
      await journal.close();
    }));

  it('takes nothing more from a disk that does not even say how much space it has', () =>
    inFolder(async (folder) => {
      let isGone = false;
      const journal = await LmdbJournal.open(folder, (path) => {
        if (isGone) throw Object.assign(new Error('EIO: i/o error, statfs'), { errno: -5, code: 'EIO' });
        return freeBytes(path);
      });
      isGone = true;
      const failure = { kind: 'failed', message: `cannot write to ${folder}: EIO: i/o error, statfs` };
      await expect(journal.append(records(1, 1))).rejects.toMatchObject(failure);
      isGone = false;
      await expect(journal.append(records(1, 1))).rejects.toMatchObject(failure);
      await journal.close();
    }));

  it('takes a snapshot and an append that are the first to be written, at once', () =>
    inFolder(async (folder) => {
      await made(folder);
      const journal = await LmdbJournal.open(folder);
      const from = journal.last + 1;
      await Promise.all([
        journal.writeSnapshot(journal.last, parts(journal.last, ['a'])),
        journal.append(records(from, from)),
      ]);
      expect([journal.snapshots(), journal.last]).toEqual([[from - 1], from]);
      await journal.close();
    }));

  it('loses the parts of a snapshot that was never finished when it is opened', () =>
    inFolder(async (folder) => {
      await made(folder);
      await put(
        folder,
        'snapshots',
        [0, 1, 2].map((part) => [partKey(5, part), Buffer.from('left over')]),
      );
      const journal = await LmdbJournal.open(folder);
      expect(journal.snapshots()).toEqual([]);
      await journal.close();
      expect(await keysIn(folder, 'snapshots')).toEqual([]);
    }));

  it('misses a part of a snapshot, the last included', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      await journal.append(records(1, 3));
      await journal.writeSnapshot(
        3,
        (async function* () {
          for (const text of ['a', 'b']) yield Buffer.from(text);
        })(),
      );
      await journal.close();
      await edit(folder, 'snapshots', partKey(3, 1), () => undefined);
      const again = await LmdbJournal.open(folder);
      const chunks = again.openSnapshot(3).chunks()[Symbol.asyncIterator]();
      await chunks.next();
      const message = expect.stringContaining('part 1 of 2 is missing');
      await expect(chunks.next()).rejects.toMatchObject({ kind: 'damaged', revision: 3, message });
      await again.close();
    }));
});
