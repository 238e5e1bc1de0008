// Kills a process in the middle of its appends, again and again, and checks the journal after each time: every record
// that was acknowledged is there, no append and no snapshot is there by halves, and a check of the folder is clean.
//
//   node --import ./harness/typescript.mjs test/journal/kill.ts [ROUNDS] [SEED]
//
// The seed decides when each process is killed; what the disk and the scheduler do then is theirs to decide.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { wholeNumber } from '../../harness/number-option.js';
import { checkFolder } from '../../src/journal/inspect.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { temporaryFolder } from './damage.js';
import { killAppender } from './process.js';
import { verify } from './workload.js';

/** A journal is begun anew after so many kills: reading all of it takes longer each time, and births have to be hit too. */
const KILLS_OF_ONE_JOURNAL = 25;

const rounds = wholeNumber('the count of rounds', process.argv[2] ?? '300', 1);
const seed = wholeNumber('the seed', process.argv[3] ?? String(Date.now() % 2 ** 31));

/** Mostly early, as opening and the first appends do most; an append takes a millisecond or a few. */
const moments = fc.sample(
  fc.record({
    lines: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 7, max: 400 })),
    delayMs: fc.integer({ min: 0, max: 15 }),
  }),
  { numRuns: rounds, seed },
);

let folder = '';
let records = 0;
let snapshots = 0;
let compactions = 0;
for (const [round, moment] of moments.entries()) {
  if (round % KILLS_OF_ONE_JOURNAL === 0) {
    if (folder !== '') rmSync(folder, { recursive: true });
    folder = temporaryFolder();
  }
  const acknowledged = await killAppender(folder, moment);
  try {
    await checkRound(acknowledged);
  } catch (error) {
    console.error(
      `round ${round + 1} of seed ${seed}: killed ${JSON.stringify(moment)}; the folder is kept: ${folder}`,
    );
    throw error;
  }
  if ((round + 1) % KILLS_OF_ONE_JOURNAL === 0) console.log(`${round + 1} kills`);
}
if (folder !== '') rmSync(folder, { recursive: true });
console.log(`${rounds} kills, seed ${seed}: nothing was lost`);
console.log(`${records} records and ${snapshots} snapshots were read back; ${compactions} times behind a compaction`);

async function checkRound(acknowledged: number): Promise<void> {
  // As the kill left it, before anything is tidied up. A process that was killed at once may have made no journal yet.
  if (acknowledged > 0) {
    const report = await checkFolder(folder);
    assert.deepEqual(report.problems, []);
    records += report.records.count;
    snapshots += report.snapshots.length;
    compactions += report.compacted > 0 ? 1 : 0;
  }
  const journal = await LmdbJournal.open(folder);
  await verify(journal, acknowledged);
  await journal.close();
}
