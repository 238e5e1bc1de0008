import assert from 'node:assert/strict';
import type { Command } from '../../src/core/model/command.js';
import type { Row } from '../../src/core/store/snapshot.js';
import { decodeChunks, encodeChunks } from '../../src/journal/format/chunk.js';
import { decodeRecord, encodeRecord } from '../../src/journal/format/record.js';
import type { Journal, StoredRecord } from '../../src/journal/journal.js';

/*
 * What the crash tests write. All of it follows from the revision alone, so that whoever reads it later knows what has to
 * be there without having been told.
 */

/** A snapshot is begun whenever so many revisions have come since the last. */
const SNAPSHOT_EVERY = 300;
const SETTLED_ROWS = 6_000;

/** The command at a revision: a few bytes, a few hundred, now and then more than a page. */
export function commandAt(revision: number): Command {
  const bytes = revision % 97 === 0 ? 9_000 : (revision * 31) % 400;
  const data = Buffer.alloc(bytes, revision & 255);
  return { kind: 'AnswerOrder', sid: revision, orderId: `o${revision}`, code: undefined, description: '', data };
}

/** The records of the append that begins at a revision, 1 to 40 of them. */
export function appendAt(revision: number): StoredRecord[] {
  const count = 1 + ((Math.imul(revision, 0x9e3779b1) >>> 16) % 40);
  return Array.from({ length: count }, (_, at) => encodeRecord(revision + at, commandAt(revision + at)));
}

/** The rows of the snapshot at a revision: several parts. */
export function* rowsAt(revision: number): Iterable<Row> {
  const network = { epoch: 'crash', serverSid: 257, serverUuid: '', streamCursor: 0, atMs: undefined, sidCursors: [] };
  yield { kind: 'meta', revision, ...network };
  for (let at = 0; at < SETTLED_ROWS; at++) yield { kind: 'settled', sid: revision, orderId: `${at}`.repeat(20) };
}

/** What is done to a journal by {@link appendForEver}. */
export type Written = Pick<Journal, 'append' | 'last' | 'snapshots' | 'writeSnapshot' | 'compact'>;

/** Appends, stores snapshots and compacts without end, and says after each append up to where it is durable. */
export async function appendForEver(journal: Written, acknowledged: (last: number) => void): Promise<never> {
  let upkeep: Promise<void> | undefined;
  for (;;) {
    await journal.append(appendAt(journal.last + 1));
    acknowledged(journal.last);
    const newest = journal.snapshots().at(-1) ?? 0;
    if (upkeep !== undefined || journal.last < newest + SNAPSHOT_EVERY) continue;
    const at = journal.last;
    upkeep = keep(journal, at).then(() => {
      upkeep = undefined;
    });
  }
}

async function keep(journal: Written, revision: number): Promise<void> {
  await journal.writeSnapshot(revision, encodeChunks(revision, rowsAt(revision)));
  await journal.compact(revision);
}

/** Checks that everything acknowledged is there, nothing is half there, and all of it is what was written. */
export async function verify(journal: Journal, acknowledged: number): Promise<void> {
  assert(journal.last >= acknowledged, `revision ${acknowledged} was acknowledged; ${journal.last} is the last`);
  for (const revision of journal.snapshots()) {
    const expected = rowsAt(revision)[Symbol.iterator]();
    for await (const rows of decodeChunks(journal.openSnapshot(revision))) {
      for (const row of rows) assert.deepEqual(row, expected.next().value, `the snapshot at ${revision}`);
    }
    assert(expected.next().done, `the snapshot at ${revision} is cut short`);
  }
  const oldest = journal.snapshots()[0] ?? 0;
  let last = oldest;
  for await (const records of journal.read(oldest)) {
    for (const record of records) {
      assert.deepEqual(decodeRecord(record), { ...commandAt(record.revision), code: undefined }, `${record.revision}`);
      last = record.revision;
    }
  }
  assert.equal(last, journal.last);
  assert(isEndOfAppend(journal.last), `revision ${journal.last} is in the middle of an append`);
}

function isEndOfAppend(last: number): boolean {
  let end = 0;
  while (end < last) end += appendAt(end + 1).length;
  return end === last;
}
