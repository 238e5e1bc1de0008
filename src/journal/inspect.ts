import type { Command } from '../core/model/command.js';
import { INITIAL_LIMITS, type Limits } from '../core/model/limits.js';
import { decodeChunks } from './format/chunk.js';
import { stateDigest } from './format/digest.js';
import type { FolderHeader } from './format/header.js';
import { decodeRecord } from './format/record.js';
import { JournalError, type StoredRecord } from './journal.js';
import { PROBLEMS_MAX } from './limits.js';
import { advice, journalProblemOf, NETWORKS_ADVICE, type Problem, Problems, repairable } from './problems.js';
import { type Replayable, replayWhole } from './replaying.js';
import { gapless } from './sequence.js';
import { Folder, isMark, revisionOf } from './storage/folder.js';
import { FolderLock } from './storage/lock.js';
import type { Section } from './storage/section.js';

/** Beyond every revision there can be. */
const LAST_REVISION = Number.MAX_SAFE_INTEGER - 1;

/** A record as people and programs read it: plain values only, fit for JSON. */
export interface DumpedRecord {
  readonly revision: number;
  /** Without token hashes and nonces; bytes in base64. Absent when the record cannot be read. */
  readonly command?: Readonly<Record<string, unknown>>;
  /** Why it cannot be read. */
  readonly problem?: string;
}

/** What a check found about one snapshot. */
export interface SnapshotReport {
  readonly revision: number;
  readonly parts: number;
  readonly bytes: number;
  /** By kind. */
  readonly rows: Readonly<Record<string, number>>;
  /** Whether every part is there, and is what was written. */
  readonly whole: boolean;
}

/** What a check found in a data folder. */
export interface FolderReport {
  readonly path: string;
  readonly formatVersion: number;
  /** The release that gave it its format; empty in format 1. */
  readonly release: string;
  readonly bytesOnDisk: number;
  /** Up to which revision records were forgotten. */
  readonly compacted: number;
  /** The records that count. `first` and `last` are 0 when there is none. */
  readonly records: {
    readonly count: number;
    readonly bytes: number;
    readonly first: number;
    readonly last: number;
    /** By kind of command. */
    readonly kinds: Readonly<Record<string, number>>;
  };
  /** The snapshots that count, ascending. */
  readonly snapshots: readonly SnapshotReport[];
  /** The state that the commands come to. Two journals with the same are in the same state. Absent when there are problems. */
  readonly state?: { readonly revision: number; readonly digest: string };
  /** What an interrupted compaction or snapshot left over. It does no harm, and goes by itself. */
  readonly leftOver: { readonly records: number; readonly parts: number };
  /** The first {@link PROBLEMS_MAX}, by revision; those of further networks, which they name, after those of the default one. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
  /**
   * The newest whole snapshot after which nothing is wrong: the journal is whole again when all before it is forgotten.
   * Absent when there is none, and when there is no problem.
   */
  readonly repairableAt?: number;
  /** What to do, for people. */
  readonly advice: string;
}

/**
 * Every record of a data folder after a revision, whether it can be read or not.
 *
 * Holds the folder's lock until it ends. Throws a {@link JournalError}: `locked` while a server has it, `version`, or
 * why it cannot be opened.
 */
export async function* dumpFolder(path: string, afterRevision = 0): AsyncGenerator<DumpedRecord> {
  const { folder, close } = await openToRead(path);
  try {
    for await (const record of folder.recordsAfter(afterRevision, folder.lastRecord())) yield dumped(record);
  } finally {
    await close();
  }
}

/**
 * Reads everything in a data folder and checks it: every checksum, that no revision is missing, that every snapshot is
 * whole and the state that the commands up to it come to, in the journals of all networks. Changes nothing. Throws as {@link dumpFolder} does; what it can
 * report it does not throw. `ofFormat1`: the limits that a server ran with whose journal does not say so.
 */
export async function checkFolder(path: string, ofFormat1 = INITIAL_LIMITS): Promise<FolderReport> {
  const { folder, close } = await openToRead(path);
  try {
    return await reportOn(folder, ofFormat1);
  } finally {
    await close();
  }
}

/** A journal in a folder, as far as it is read. */
export interface ReadFolder extends Replayable {
  readonly last: number;
  /** The names of the networks that the folder has beside this one. */
  readonly networks: readonly string[];
  /** Lets go of the folder. */
  close(): Promise<void>;
}

/**
 * Opens the journal in a data folder to read it while no server has it. Throws a {@link JournalError} as {@link dumpFolder} does.
 */
export async function readFolder(path: string): Promise<ReadFolder> {
  const { folder, close } = await openToRead(path);
  try {
    const networks = folder.networks().flatMap(({ name, dropped }) => (dropped ? [] : [name]));
    return { ...replayable(folder, folder.headerContent()!), networks, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openToRead(path: string): Promise<{ folder: Folder; close: () => Promise<void> }> {
  if (!Folder.exists(path)) throw new JournalError('failed', `there is no journal in ${path}`);
  const lock = FolderLock.take(path);
  try {
    const folder = await Folder.open(path, true);
    return { folder, close: () => folder.close().finally(() => lock.release()) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function dumped(record: StoredRecord): DumpedRecord {
  const { revision } = record;
  try {
    return { revision, command: plain(decodeRecord(record)) };
  } catch (error) {
    return { revision, problem: journalProblemOf(error).message };
  }
}

/** Secrets of a session and of a brokered connection. */
const SECRET: ReadonlySet<string> = new Set(['tokenHash', 'nonce']);
/** Bytes that the core keeps as latin1 text. */
const BYTES_AS_TEXT: ReadonlySet<string> = new Set(['publicKey']);

function plain(command: Command): Record<string, unknown> {
  const shown = Object.entries(command).filter(([name]) => !SECRET.has(name));
  return Object.fromEntries(shown.map(([name, value]) => [name, readable(name, value)]));
}

function readable(name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return BYTES_AS_TEXT.has(name) ? Buffer.from(String(value), 'latin1').toString('base64') : value;
}

async function reportOn(folder: Folder, ofFormat1: Limits): Promise<FolderReport> {
  const problems = new Problems();
  const header = folder.headerContent()!;
  const { compacted } = header;
  const snapshots: SnapshotReport[] = [];
  for (const revision of folder.snapshotRevisions()) snapshots.push(await checkSnapshot(folder, revision, problems));
  const records = await checkRecords(folder, compacted, problems);
  const own = problems.count === 0 ? await replayed(folder, header, ofFormat1, problems) : undefined;
  const repairableAt = repairable(snapshots, problems);
  const others = await checkNetworks(folder, ofFormat1);
  const state = others.count === 0 ? own : undefined;
  return {
    path: folder.path,
    formatVersion: header.format,
    release: header.release,
    bytesOnDisk: folder.size(),
    compacted,
    records,
    snapshots,
    ...(state === undefined ? {} : { state }),
    leftOver: leftOver(folder, compacted, snapshots),
    problems: [...problems.listed(), ...others.listed()].slice(0, PROBLEMS_MAX),
    problemCount: problems.count + others.count,
    repairableAt,
    advice: problems.count === 0 && others.count > 0 ? NETWORKS_ADVICE : advice(problems, repairableAt, header.format),
  };
}

/** What is wrong with the journals of further networks, each named. */
async function checkNetworks(folder: Folder, ofFormat1: Limits): Promise<Problems> {
  const all = new Problems();
  for (const { number, name, dropped } of folder.networks()) {
    if (dropped) continue;
    const found = new Problems();
    await checkNetwork(folder.section(number), ofFormat1, found);
    for (const problem of found.listed()) all.add({ ...problem, message: `network ${name}: ${problem.message}` });
    all.count += found.count - found.listed().length;
  }
  return all;
}

async function checkNetwork(section: Section, ofFormat1: Limits, problems: Problems): Promise<void> {
  let header: FolderHeader | undefined;
  try {
    header = section.headerContent();
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    problems.add({ kind: error.kind, revision: 0, message: error.message });
    return;
  }
  // One that was created and never started holds nothing.
  if (header === undefined) return;
  for (const revision of section.snapshotRevisions()) await checkSnapshot(section, revision, problems);
  await checkRecords(section, header.compacted, problems);
  if (problems.count === 0) await replayed(section, header, ofFormat1, problems);
}

async function checkSnapshot(folder: Section, revision: number, problems: Problems): Promise<SnapshotReport> {
  let parts = 0;
  let bytes = 0;
  let whole = true;
  const rows: Record<string, number> = {};
  async function* counted() {
    for await (const part of folder.parts(revision)) {
      parts++;
      bytes += part.length;
      yield part;
    }
  }
  try {
    for await (const part of decodeChunks({ revision, chunks: counted })) {
      for (const { kind } of part) rows[kind] = (rows[kind] ?? 0) + 1;
    }
  } catch (error) {
    whole = false;
    problems.add(journalProblemOf(error));
  }
  return { revision, parts, bytes, rows, whole };
}

async function checkRecords(folder: Section, compacted: number, problems: Problems): Promise<FolderReport['records']> {
  const kinds: Record<string, number> = {};
  const found = { count: 0, bytes: 0, first: 0, last: 0, kinds };
  try {
    for await (const record of folder.recordsAfter(compacted, LAST_REVISION)) {
      const expected = (found.last || compacted) + 1;
      if (record.revision !== expected) problems.add(missing(expected, record.revision - 1));
      found.first ||= record.revision;
      found.last = record.revision;
      found.count++;
      found.bytes += record.bytes.length;
      countKind(record, kinds, problems);
    }
  } catch (error) {
    problems.add(journalProblemOf(error));
  }
  return found;
}

function replayable(folder: Section, header: FolderHeader): Replayable & { readonly last: number } {
  const last = Math.max(folder.lastRecord(), header.compacted);
  return {
    ...header,
    last,
    snapshots: () => folder.snapshotRevisions(),
    openSnapshot: (revision: number) => ({ revision, chunks: () => folder.parts(revision) }),
    read: (after: number) => gapless({ compacted: header.compacted, after, last }, folder.slicesAfter(after, last)),
  };
}

/** The state that the commands come to; undefined when a snapshot on the way says otherwise, which is a problem. */
async function replayed(
  folder: Section,
  header: FolderHeader,
  ofFormat1: Limits,
  problems: Problems,
): Promise<FolderReport['state']> {
  try {
    const state = await replayWhole(replayable(folder, header), ofFormat1);
    return { revision: state.revision, digest: stateDigest(state) };
  } catch (error) {
    problems.add(journalProblemOf(error));
    return undefined;
  }
}

function countKind(record: StoredRecord, kinds: Record<string, number>, problems: Problems): void {
  try {
    const { kind } = decodeRecord(record);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  } catch (error) {
    problems.add(journalProblemOf(error));
  }
}

function missing(from: number, to: number): Problem {
  const message = from === to ? `record ${from} is missing` : `records ${from} to ${to} are missing`;
  // The last of them is what a snapshot has to make needless.
  return { kind: 'damaged', revision: to, message };
}

function leftOver(folder: Folder, compacted: number, snapshots: readonly SnapshotReport[]): FolderReport['leftOver'] {
  const finished = new Set(snapshots.map(({ revision }) => revision));
  let records = 0;
  let parts = 0;
  for (const key of folder.records.getKeys()) {
    if (revisionOf(key) > compacted) break;
    records++;
  }
  for (const key of folder.snapshots.getKeys()) if (!isMark(key) && !finished.has(revisionOf(key))) parts++;
  return { records, parts };
}
