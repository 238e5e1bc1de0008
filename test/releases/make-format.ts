// Makes a golden journal of what this build writes: node --import ./harness/typescript.mjs test/releases/make-format.ts FORMAT COMMIT
//
// It takes some seconds, in this process and without a server until its last step. README.md beside this file says what each
// file is, and why a folder is never made anew.
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/client/system.js';
import { apply } from '../../src/core/decide/apply.js';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { State } from '../../src/core/store/state.js';
import { decodeRecord, encodeRecord } from '../../src/journal/format/record.js';
import type { StoredRecord } from '../../src/journal/journal.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { Snapshots } from '../../src/replica/snapshots.js';
import { run } from '../grpc/running.js';
import { textOf } from './digest.js';
import { HistoryClock } from './history/clock.js';
import { CommandHistory, NEW_KINDS } from './history/commands.js';
import { listNetwork } from './network.js';
import { pack } from './pack.js';
import { packRecords } from './records-file.js';
import type { JournalManifest } from './release.js';
import { replay } from './replay.js';

/** Commands by format: the first has most to do. */
const COUNTS = { 2: 4_600, 3: 1_600, 4: 1_000 } as const;
/** A digest shows what is different at that moment only, so they are ten times as many as of a release. */
const DIGEST_EVERY = 100;
/** A record alone would be a transaction alone, with a sync of the disk. */
const RECORDS_AN_APPEND = 100;
/** Of all commands, from one snapshot to the next: three come, of which two are kept, and some commands after the last. */
const SNAPSHOT_SHARE = 0.3;

const [wanted, commit] = process.argv.slice(2);
const format = Number(wanted);
if ((format !== 2 && format !== 3 && format !== 4) || commit === undefined)
  throw new Error('usage: make-format.ts 2|3|4 COMMIT');
const target = join('test', 'releases', 'formats', wanted);
if (existsSync(target)) throw new Error(`${target} is there, and is never made anew`);
const work = await mkdtemp(join(tmpdir(), 'switchyard-format-'));
try {
  await make(format, commit);
} finally {
  await rm(work, { recursive: true, force: true });
}

async function make(format: 2 | 3 | 4, commit: string): Promise<void> {
  const records = recordsOf(format);
  const { state, ...replayed } = await replay(records, INITIAL_LIMITS, undefined, {
    format,
    digestEvery: DIGEST_EVERY,
  });
  const missing = [2, 3, 4].filter((one) => one <= format).flatMap((one) => NEW_KINDS[one]);
  const absent = missing.filter((kind) => replayed.kinds[kind] === undefined);
  if (absent.length > 0) throw new Error(`no command of this history is ${absent.join(', ')}: take another seed`);
  await store(records, format, 'records');
  const snapshots = await store(records, format, 'snapshots', SNAPSHOT_SHARE * records.length);
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  const manifest: JournalManifest = { version, commit, seed: format, commands: records.length, ...replayed, snapshots };
  await mkdir(target, { recursive: true });
  await writeFile(join(target, 'records.bin.br'), packRecords(records));
  await writeFile(join(target, 'state.txt.br'), pack(Buffer.from(textOf(state, format))));
  await writeFile(join(target, 'data-snapshots.mdb.br'), pack(await readFile(join(work, 'snapshots', 'data.mdb'))));
  await writeJson(join(target, 'network.json'), await readNetwork());
  await writeJson(join(target, 'manifest.json'), manifest);
  console.log(manifest);
}

function recordsOf(format: 2 | 3 | 4): StoredRecord[] {
  const state = new State(INITIAL_LIMITS);
  const records: StoredRecord[] = [];
  for (const command of new CommandHistory(format, format).commands(state, COUNTS[format])) {
    records.push(encodeRecord(records.length + 1, command));
    apply(state, command);
  }
  return records;
}

/** Appends the records to a new data folder, with the server's own snapshots after every so many. Resolves with those it kept. */
async function store(records: readonly StoredRecord[], format: number, name: string, snapshotEvery = 0) {
  const journal = await LmdbJournal.open(join(work, name));
  const state = new State(INITIAL_LIMITS);
  const limits = { ...DEFAULT_REPLICA_LIMITS, snapshotEvery };
  const upkeep = new Snapshots(state, journal, limits, systemClock, (error) => {
    throw error;
  });
  for (let at = 0; at < records.length; at += RECORDS_AN_APPEND) {
    const some = records.slice(at, at + RECORDS_AN_APPEND);
    await journal.append(some);
    for (const record of some) apply(state, decodeRecord(record));
    if (snapshotEvery > 0) upkeep.consider();
    await upkeep.idle();
  }
  const { format: written } = journal;
  const snapshots = [...journal.snapshots()];
  await journal.close();
  if (written !== format) throw new Error(`the folder has format ${written}`);
  return snapshots;
}

/** What the server shows after a start: on a copy, whose clock stands still so that nothing expires. */
async function readNetwork() {
  const copy = join(work, 'copy');
  await cp(join(work, 'records'), copy, { recursive: true });
  const running = await run({ data: copy }, { clock: new HistoryClock() });
  try {
    const network = await listNetwork(running);
    // Without the command by which that start has stored its limits.
    return { ...network, revision: network.revision - 1 };
  } finally {
    await running.stop();
  }
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
