import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { version } from '../../src/base/version.js';
import type { Row } from '../../src/core/store/snapshot.js';
import { backUpFolder } from '../../src/journal/backup.js';
import { encodeChunks } from '../../src/journal/format/chunk.js';
import { FORMAT_VERSION, FrameKind, seal } from '../../src/journal/format/frame.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import { checkFolder, type DumpedRecord, dumpFolder } from '../../src/journal/inspect.js';
import { repairFolder } from '../../src/journal/repair.js';
import { HEADER_KEY, partKey, revisionKey } from '../../src/journal/storage/folder.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { COMMANDS } from './arbitrary.js';
import { edit, inFolder, put, rot } from './damage.js';
import { records } from './reading.js';
import { rowsAt } from './workload.js';

// Every test writes to a disk, and syncs: on a busy machine that may take a while.
jest.setTimeout(60_000);

/** The rows of a snapshot: after revision 4 no command here changes anything. */
function* rowsFrom4(revision: number): Iterable<Row> {
  for (const row of rowsAt(4)) yield row.kind === 'meta' ? { ...row, revision } : row;
}

/** Records 1 to 20, snapshots at 4 and 12; compacted as far as is said. */
async function made(folder: string, compacted?: number): Promise<void> {
  const journal = await LmdbJournal.open(folder);
  await journal.append(records(1, 20));
  for (const revision of [4, 12]) await journal.writeSnapshot(revision, encodeChunks(revision, rowsFrom4(revision)));
  if (compacted !== undefined) await journal.compact(compacted);
  await journal.close();
}

async function dump(folder: string, after?: number): Promise<DumpedRecord[]> {
  const list: DumpedRecord[] = [];
  for await (const record of dumpFolder(folder, after)) list.push(record);
  return list;
}

const problem = (revision: number, message: string) => ({ kind: 'damaged', revision, message });

describe('a check', () => {
  it('names the network whose journal is damaged, also before a backup of it is made', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      await journal.append(records(1, 20));
      for (const name of ['north', 'south', 'new']) {
        const { number } = await journal.networks!.create({ name, sessionsMax: 0, createdAtMs: 1 });
        if (name !== 'new') await (await journal.networks!.open(number)).append(records(1, 4 + number));
      }
      await journal.close();
      expect((await checkFolder(folder)).problems).toEqual([]);
      // Behind the number of the network and of its part that has the records.
      const key = revisionKey(6, Buffer.from([0, 0, 0, 2, 2]));
      await edit(folder, 'network data', key, (bytes) => bytes.fill(0, bytes.length - 2));
      const report = await checkFolder(folder);
      expect(report.problems).toMatchObject([{ kind: 'damaged', revision: 6 }]);
      expect(report.problems[0].message).toMatch(/^network south: /);
      expect(report).toMatchObject({ problemCount: 1, advice: expect.stringContaining('drop them') });
      expect(report.state).toBeUndefined();
      await expect(backUpFolder(folder, `${folder}.backup`)).rejects.toThrow(/^network south: /);
    }));

  it('of a whole journal counts everything, finds no problem and changes nothing', () =>
    inFolder(async (folder) => {
      await made(folder, 4);
      const before = readFileSync(join(folder, 'data.mdb'));
      const report = await checkFolder(folder);
      const bytes = records(5, 20).reduce((sum, record) => sum + record.bytes.length, 0);
      expect(report).toMatchObject({
        path: folder,
        formatVersion: 2,
        release: version(),
        bytesOnDisk: before.length,
        compacted: 4,
        records: { count: 16, bytes, first: 5, last: 20, kinds: { AnswerOrder: 16 } },
        snapshots: [
          { revision: 4, rows: { meta: 1, settled: 6_000 }, whole: true },
          { revision: 12, rows: { meta: 1, settled: 6_000 }, whole: true },
        ],
        state: { revision: 20, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
        leftOver: { records: 0, parts: 0 },
        problems: [],
        problemCount: 0,
        advice: 'Everything is as it was written.',
      });
      expect(report.repairableAt).toBeUndefined();
      expect(readFileSync(join(folder, 'data.mdb')).equals(before)).toBe(true);
    }));

  it('says when a snapshot is another state than the commands up to it come to, with both digests', () =>
    inFolder(async (folder) => {
      // What the snapshots hold has never been in a command.
      await made(folder);
      const { problems, state, repairableAt, advice } = await checkFolder(folder);
      const message = expect.stringMatching(
        /revision 4 .* two different states: [0-9a-f]{64} in .* [0-9a-f]{64} replayed/,
      );
      expect(problems).toEqual([{ kind: 'differs', revision: 4, message }]);
      expect(state).toBeUndefined();
      expect(repairableAt).toBe(12);
      expect(advice).toMatch(/^Copy the folder, and start the release that ran before on the copy/);
      expect(await repairFolder(folder)).toBe(12);
      expect((await checkFolder(folder)).problems).toEqual([]);
    }));

  it('of a compacted journal begins where it does', () =>
    inFolder(async (folder) => {
      await made(folder, 12);
      const { compacted, records: found, snapshots, problemCount } = await checkFolder(folder);
      expect({ compacted, ...found, problemCount }).toMatchObject({
        compacted: 12,
        first: 13,
        last: 20,
        problemCount: 0,
      });
      expect(snapshots.map(({ revision }) => revision)).toEqual([12]);
    }));

  it('of an empty journal finds nothing', () =>
    inFolder(async (folder) => {
      await (await LmdbJournal.open(folder)).close();
      const { records: found, problemCount } = await checkFolder(folder);
      expect(found).toEqual({ count: 0, bytes: 0, first: 0, last: 0, kinds: {} });
      expect(problemCount).toBe(0);
    }));

  it('names every problem, those after the first included', () =>
    inFolder(async (folder) => {
      await made(folder);
      rot(folder, records(7, 7)[0].bytes);
      await edit(folder, 'records', revisionKey(15), () => undefined);
      await edit(folder, 'records', revisionKey(16), () => undefined);
      await edit(folder, 'snapshots', partKey(4, 1), () => undefined);
      const { problems, problemCount, advice, repairableAt } = await checkFolder(folder);
      expect(problems).toEqual([
        problem(4, expect.stringMatching(/^the snapshot at revision 4 is damaged: part 1 of \d+ is missing$/) as never),
        problem(7, 'record 7 is damaged: its checksum is wrong'),
        problem(16, 'records 15 to 16 are missing'),
      ]);
      expect(problemCount).toBe(3);
      expect(repairableAt).toBeUndefined();
      expect(advice).toContain('Restore a backup');
    }));

  it('says when the first record is missing', () =>
    inFolder(async (folder) => {
      await made(folder, 12);
      await edit(folder, 'records', revisionKey(13), () => undefined);
      expect((await checkFolder(folder)).problems).toEqual([problem(13, 'record 13 is missing')]);
    }));

  it('tells a newer version from damage', () =>
    inFolder(async (folder) => {
      await made(folder);
      const newer = seal(FrameKind.RECORD, { revision: 5, part: 0 }, Buffer.from('of the future'), FORMAT_VERSION + 1);
      await edit(folder, 'records', revisionKey(5), () => Buffer.from(newer));
      const { problems, advice, repairableAt } = await checkFolder(folder);
      expect(problems).toMatchObject([{ kind: 'version', revision: 5 }]);
      expect(advice).toContain('start that version again');
      expect(repairableAt).toBeUndefined();
    }));

  it('counts what was left over, and calls it no problem', () =>
    inFolder(async (folder) => {
      await made(folder, 12);
      await put(folder, 'records', [[revisionKey(3), records(3, 3)[0].bytes]]);
      await put(folder, 'snapshots', [[partKey(15, 0), Buffer.from('begun')]]);
      const { leftOver, records: found, problemCount } = await checkFolder(folder);
      expect(leftOver).toEqual({ records: 1, parts: 1 });
      expect(found.first).toBe(13);
      expect(problemCount).toBe(0);
    }));

  it('is refused while a server has the folder, with its process', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      const refusal = { kind: 'locked', message: expect.stringContaining(`process ${process.pid} has`) };
      await expect(checkFolder(folder)).rejects.toMatchObject(refusal);
      await expect(dump(folder)).rejects.toMatchObject(refusal);
      await journal.close();
    }));

  it('of a folder without a journal says so, and makes none', () =>
    inFolder(async (folder) => {
      const message = `there is no journal in ${folder}`;
      await expect(checkFolder(folder)).rejects.toMatchObject({ kind: 'failed', message });
      await expect(checkFolder(folder)).rejects.toMatchObject({ kind: 'failed', message });
    }));

  it('of a journal without a header is damage, as it is to a server', () =>
    inFolder(async (folder) => {
      await made(folder);
      await edit(folder, null, HEADER_KEY, () => undefined);
      await expect(checkFolder(folder)).rejects.toMatchObject({ kind: 'damaged' });
    }));
});

describe('a dump', () => {
  it('gives every record as plain values, without the secret ones', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      const hash = 'h'.repeat(32);
      const labels = { site: 'attic' };
      const session = { uuid: 'u', type: 2, flavor: 1, ttlMs: 1_000, name: 'n', labels, atMs: 5 };
      const data = Buffer.from([1, 2, 255]);
      await journal.append([
        encodeRecord(1, { kind: 'OpenSession', ...session, tokenHash: hash }),
        encodeRecord(2, { kind: 'AnswerOrder', sid: 3, orderId: 'o1', code: 'TOO_LARGE', description: '', data }),
      ]);
      await journal.close();
      const dumped = await dump(folder);
      expect(JSON.parse(JSON.stringify(dumped))).toEqual([
        { revision: 1, command: { kind: 'OpenSession', ...session } },
        {
          revision: 2,
          command: { kind: 'AnswerOrder', sid: 3, orderId: 'o1', code: 'TOO_LARGE', description: '', data: 'AQL/' },
        },
      ]);
      expect(JSON.stringify(dumped)).not.toContain(hash);
      expect((await dump(folder, 1)).map(({ revision }) => revision)).toEqual([2]);
    }));

  it('hides the nonce of a brokered connection, and shows a public key in base64', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      const [ask] = fc.sample(COMMANDS.AskConnection, 1);
      await journal.append([encodeRecord(1, { ...ask, nonce: 'n'.repeat(16), publicKey: '\xff\x00' })]);
      await journal.close();
      const [{ command }] = await dump(folder);
      expect(command).toMatchObject({ kind: 'AskConnection', peer: ask.peer, publicKey: '/wA=' });
      expect(command).not.toHaveProperty('nonce');
    }));

  it('goes on behind a damaged record, and says what is wrong with it', () =>
    inFolder(async (folder) => {
      await made(folder);
      rot(folder, records(7, 7)[0].bytes);
      const dumped = await dump(folder, 5);
      expect(dumped.map(({ revision, problem }) => [revision, problem])).toEqual([
        [6, undefined],
        [7, 'record 7 is damaged: its checksum is wrong'],
        ...Array.from({ length: 13 }, (_, at) => [8 + at, undefined]),
      ]);
    }));

  it('lets go of the folder when it is not read to its end', () =>
    inFolder(async (folder) => {
      await made(folder);
      for await (const { revision } of dumpFolder(folder)) if (revision === 3) break;
      await (await LmdbJournal.open(folder)).close();
    }));
});

describe('a repair', () => {
  it('forgets what is damaged before a whole snapshot, and nothing else', () =>
    inFolder(async (folder) => {
      await made(folder);
      rot(folder, records(7, 7)[0].bytes);
      expect(await checkFolder(folder)).toMatchObject({ repairableAt: 12, problemCount: 1 });
      expect(await repairFolder(folder)).toBe(12);
      expect(await checkFolder(folder)).toMatchObject({
        compacted: 12,
        records: { first: 13, last: 20 },
        problemCount: 0,
      });
      expect(await repairFolder(folder)).toBeUndefined();
    }));

  it.each([13, 20])('is refused when it would lose something: record %d', (damaged) =>
    inFolder(async (folder) => {
      await made(folder);
      rot(folder, records(damaged, damaged)[0].bytes);
      const before = readFileSync(join(folder, 'data.mdb'));
      const message = expect.stringContaining('cannot be repaired');
      await expect(repairFolder(folder)).rejects.toMatchObject({ kind: 'damaged', message });
      expect(readFileSync(join(folder, 'data.mdb')).equals(before)).toBe(true);
    }),
  );

  it('is refused when the newest snapshot is the damage', () =>
    inFolder(async (folder) => {
      await made(folder);
      await edit(folder, 'snapshots', partKey(12, 0), () => undefined);
      await expect(repairFolder(folder)).rejects.toMatchObject({ kind: 'damaged' });
    }));
});
