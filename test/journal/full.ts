import assert from 'node:assert/strict';
import type { Journal } from '../../src/journal/journal.js';
import { appendAt, verify } from './workload.js';

/** More than a disk of any test holds. */
const APPENDS_MAX = 5_000;

/** What happens when there is no space left: played through by a journal that is opened on a disk that is nearly full. */
export async function survivesFullDisk(
  open: () => Promise<Journal>,
  makeRoom: () => void | Promise<void>,
): Promise<void> {
  let journal = await open();
  const refusal = await appendUntilRefused(journal);
  assert.equal(refusal.kind, 'full', refusal.message);
  const { last } = journal;
  assert(last > 0, 'nothing was written before the disk was full');
  await verify(journal, last);
  await assert.rejects(journal.append(appendAt(last + 1)), { kind: 'full' });
  await assert.rejects(journal.writeSnapshot(last, largeParts()), { kind: 'full' });
  assert.deepEqual(journal.snapshots(), []);
  await makeRoom();
  await journal.append(appendAt(last + 1));
  assert(journal.last > last);
  const { last: afterwards } = journal;
  await journal.close();
  journal = await open();
  assert.equal(journal.last, afterwards);
  await verify(journal, afterwards);
  await journal.close();
}

async function appendUntilRefused(journal: Journal): Promise<Error & { kind?: string }> {
  for (let appends = 0; appends < APPENDS_MAX; appends++) {
    try {
      await journal.append(appendAt(journal.last + 1));
    } catch (error) {
      return error as Error;
    }
  }
  throw new Error(`${APPENDS_MAX} appends, and the disk is not full`);
}

async function* largeParts(): AsyncGenerator<Uint8Array> {
  for (let part = 0; part < 100; part++) yield Buffer.alloc(100_000, part);
}
