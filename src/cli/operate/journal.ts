import { defaultDataFolder } from '../../config/config.js';
import type { Limits } from '../../core/model/limits.js';
import { backUpFolder, renewEpoch } from '../../journal/backup.js';
import { checkFolder, dumpFolder, type FolderReport, type SnapshotReport } from '../../journal/inspect.js';
import { JournalError } from '../../journal/journal.js';
import { repairFolder } from '../../journal/repair.js';
import { copyAdminToken } from '../../server/admin-token.js';
import { copyAuthority } from '../../server/certificates/own-certificates.js';
import { dim, red, type Text } from '../output/text.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { counted } from '../words.js';

/** As many as the server draws for a new journal's epoch. */
const EPOCH_BYTES = 8;

/** Which journal, and how it is shown. */
export interface JournalFlags {
  readonly data?: string;
  readonly json?: boolean;
  /** The limits that the server of a journal of format 1 ran with. */
  readonly limitsOfFormat1?: Limits;
  /** Only what comes after this revision. */
  readonly after?: number;
}

/** Prints every command of a journal, oldest first. Rejects at the end when one of them could not be read. */
export async function dumpJournal(flags: JournalFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  let unreadable = 0;
  await readingFolder(flags, surroundings, async (folder) => {
    async function* records() {
      for await (const record of dumpFolder(folder, flags.after ?? 0)) {
        signal.throwIfAborted();
        if (record.problem !== undefined) unreadable += 1;
        yield record;
      }
    }
    async function* lines(): AsyncGenerator<Text> {
      for await (const { revision, command, problem } of records()) {
        const { kind = '', ...fields } = command ?? {};
        const text = problem === undefined ? [`${kind} `, dim(factsWord(fields))] : red(problem);
        yield [String(revision).padStart(8), ' ', text];
      }
    }
    await (flags.json ? terminal.out.jsonLines(records()) : terminal.out.writeLines(lines()));
  });
  if (unreadable > 0) {
    throw new Failure(`${counted(unreadable, 'record')} cannot be read; see switchyard journal check`);
  }
}

/** Reads everything in a journal and says whether it is as it was written. Rejects when it is not. */
export async function checkJournal(flags: JournalFlags, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const report = await readingFolder(flags, surroundings, (folder) => checkFolder(folder, flags.limitsOfFormat1));
  if (flags.json) await terminal.out.json(report);
  else await terminal.out.writeLines(describeReport(report));
  if (report.problemCount > 0) throw new Failure(report.advice);
}

/** Deletes the records before a whole snapshot, if a damaged journal is whole without them. */
export async function repairJournal(flags: JournalFlags, surroundings: Surroundings): Promise<void> {
  const revision = await readingFolder(flags, surroundings, (folder) => repairFolder(folder, flags.limitsOfFormat1));
  const said =
    revision === undefined ? 'there is nothing to repair' : `everything up to revision ${revision} is forgotten`;
  await surroundings.terminal.out.write(said);
}

async function copySecrets(from: string, to: string): Promise<void> {
  await copyAdminToken(from, to);
  copyAuthority(from, to);
}

/** Copies a journal, of a running server or not, with the server's secrets into a new folder, and checks the copy. */
export async function backUpJournal(to: string, flags: JournalFlags, surroundings: Surroundings): Promise<void> {
  const report = await readingFolder(flags, surroundings, (folder) =>
    backUpFolder(folder, to, (copy) => copySecrets(folder, copy), flags.limitsOfFormat1),
  );
  const { path, state, bytesOnDisk } = report;
  const { out } = surroundings.terminal;
  if (flags.json) return out.json(report);
  await out.write(`${path}: revision ${state.revision}, ${mebibytes(bytesOnDisk)}, state ${state.digest}`);
}

/** Gives a restored folder's history a new epoch, so that watchers of the old history cannot resume in it. */
export async function renewJournalEpoch(flags: JournalFlags, surroundings: Surroundings): Promise<void> {
  const epoch = Buffer.from(surroundings.random.bytes(EPOCH_BYTES)).toString('base64url');
  const revision = await readingFolder(flags, surroundings, (folder) =>
    renewEpoch(folder, epoch, flags.limitsOfFormat1),
  );
  const { out } = surroundings.terminal;
  if (flags.json) return out.json({ epoch, revision });
  await out.write(`epoch ${epoch} from revision ${revision} on: every watcher gets RESET`);
}

/** Runs something on the folder that was named, and says in words why it could not. */
async function readingFolder<Result>(
  { data }: JournalFlags,
  surroundings: Surroundings,
  run: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = data ?? (surroundings.env.SWITCHYARD_DATA || defaultDataFolder(surroundings));
  try {
    return await run(folder);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    const advice =
      error.kind === 'locked' ? ['Stop the server first: one process at a time can use a data folder.'] : [];
    throw new Failure(error.message, advice);
  }
}

function describeReport(report: FolderReport): string[] {
  const {
    path,
    formatVersion,
    release,
    state,
    bytesOnDisk,
    compacted,
    records,
    snapshots,
    leftOver,
    problems,
    problemCount,
  } = report;
  const kinds = Object.entries(records.kinds).map(([kind, count]) => `  ${kind} ${count}`);
  const range = records.count === 0 ? '' : `, revisions ${records.first} to ${records.last}`;
  const unlisted = problemCount - problems.length;
  return [
    `${path}: format ${formatVersion}${release === '' ? '' : ` of release ${release}`}, ${mebibytes(bytesOnDisk)} on disk`,
    `${counted(records.count, 'record')} (${mebibytes(records.bytes)})${range}; all up to ${compacted} forgotten`,
    ...kinds,
    ...snapshots.map(describeSnapshot),
    ...(state === undefined ? [] : [`state after revision ${state.revision}: ${state.digest}`]),
    ...(leftOver.records + leftOver.parts === 0
      ? []
      : ['a compaction or snapshot was interrupted; its rest goes by itself']),
    ...problems.map(({ revision, kind, message }) => `${kind} at revision ${revision}: ${message}`),
    ...(unlisted > 0 ? [`… and ${counted(unlisted, 'problem')} more`] : []),
    ...(problemCount === 0 ? [report.advice] : []),
  ];
}

function describeSnapshot({ revision, parts, bytes, rows, whole }: SnapshotReport): string {
  const held = Object.entries(rows).map(([kind, count]) => `${kind} ${count}`);
  const state = whole ? held.join(', ') : 'not whole';
  return `snapshot at revision ${revision}: ${counted(parts, 'part')} (${mebibytes(bytes)}): ${state}`;
}

/** The fields of a command in one line, in JSON so that nothing in them looks like something else. */
function factsWord(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ');
}

function mebibytes(bytes: number): string {
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
