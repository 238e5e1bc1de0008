// Makes what a release leaves behind as a yardstick: node --import ./harness/typescript.mjs test/releases/make.ts FOLDER COMMIT
//
// It takes some minutes, and the server, the protos and the package are those of the working tree: check that they are the
// release's. README.md beside this file says what each file is.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../src/client/system.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import type { State } from '../../src/core/store/state.js';
import type { StoredRecord } from '../../src/journal/journal.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { Snapshots } from '../../src/replica/snapshots.js';
import { run } from '../grpc/running.js';
import { textOf } from './digest.js';
import { HistoryClock } from './history/clock.js';
import { makeHistory } from './history/history.js';
import { listNetwork } from './network.js';
import { pack } from './pack.js';
import { packRecords } from './records-file.js';
import type { Manifest } from './release.js';
import { replay } from './replay.js';

const SEED = 1;
const ACTS = 2_200;
/** A server stores a snapshot after 100,000 commands: too many to keep here. */
const SNAPSHOT_EVERY = 2_000;

const [target, commit] = process.argv.slice(2);
if (target === undefined || commit === undefined) throw new Error('usage: make.ts FOLDER COMMIT');
const work = await mkdtemp(join(tmpdir(), 'switchyard-release-'));
try {
  await mkdir(target, { recursive: true });
  await makeJournal(target, commit);
  await makeImageAndPackage(target);
} finally {
  await rm(work, { recursive: true, force: true });
}

async function makeJournal(target: string, commit: string): Promise<void> {
  const [plain, snapshotted] = [join(work, 'records'), join(work, 'snapshots')];
  const yard = await makeHistory(plain, SEED, ACTS);
  const records = await readRecords(plain);
  const { state, digests, kinds, refused, snapshots } = await replayInto(snapshotted, records);
  const { uuid, sid, token } = yard.members.find((member) => state.sessions.get(member.sid)?.uuid === member.uuid)!;
  const manifest: Manifest = {
    version: JSON.parse(await readFile('package.json', 'utf8')).version,
    commit,
    seed: SEED,
    acts: ACTS,
    commands: records.length,
    kinds,
    refused,
    digests,
    snapshots,
    session: { sid, uuid, token },
  };
  await writeJson(join(target, 'manifest.json'), manifest);
  await writeJson(join(target, 'limits.json'), DEFAULT_LIMITS);
  await writeFile(join(target, 'records.bin.br'), packRecords(records));
  await writeFile(join(target, 'state.txt.br'), pack(Buffer.from(textOf(state))));
  for (const name of ['records', 'snapshots']) {
    const data = await readFile(join(work, name, 'data.mdb'));
    await writeFile(join(target, `data-${name}.mdb.br`), pack(data));
  }
  await writeJson(join(target, 'network.json'), await readNetwork(plain));
  console.log(`${records.length} commands`, kinds, 'refused when applied', refused, 'refused before', yard.refused);
}

async function readRecords(folder: string): Promise<StoredRecord[]> {
  const journal = await LmdbJournal.open(folder);
  const records: StoredRecord[] = [];
  for await (const some of journal.read(0))
    for (const { revision, bytes } of some) records.push({ revision, bytes: Uint8Array.from(bytes) });
  await journal.close();
  return records;
}

/** Replays the records into another data folder, with the server's own snapshots, only more often. */
async function replayInto(folder: string, records: readonly StoredRecord[]) {
  const journal = await LmdbJournal.open(folder);
  let upkeep: Snapshots | undefined;
  const replayed = await replay(records, DEFAULT_LIMITS, async (record, state) => {
    await journal.append([record]);
    upkeep ??= upkeepOf(journal, state);
    upkeep.consider();
    await upkeep.idle();
  });
  const snapshots = [...journal.snapshots()];
  await journal.close();
  return { ...replayed, snapshots };
}

function upkeepOf(journal: LmdbJournal, state: State): Snapshots {
  const limits = { ...DEFAULT_REPLICA_LIMITS, snapshotEvery: SNAPSHOT_EVERY };
  return new Snapshots(state, journal, limits, systemClock, (error) => {
    throw error;
  });
}

/** What the server shows after a start: on a copy, whose clock stands still so that nothing expires. */
async function readNetwork(folder: string) {
  const copy = join(work, 'copy');
  await cp(folder, copy, { recursive: true });
  const running = await run({ data: copy }, { clock: new HistoryClock() });
  try {
    return await listNetwork(running);
  } finally {
    await running.stop();
  }
}

async function makeImageAndPackage(target: string): Promise<void> {
  const call = promisify(execFile);
  const buf = join('node_modules', '@bufbuild', 'buf', 'bin', 'buf');
  await call(process.execPath, [buf, 'build', '--exclude-source-info', '-o', join(target, 'protos.binpb')]);
  await call('npm', ['pack', '--pack-destination', target]);
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
