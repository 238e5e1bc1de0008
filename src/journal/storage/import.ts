import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateFolder, syncFolder } from '../../base/private-files.js';
import { version } from '../../base/version.js';
import { FrameKind, sealNumber } from '../format/frame.js';
import { encodeHeader } from '../format/header.js';
import { checkFolder, type FolderReport } from '../inspect.js';
import { JournalError } from '../journal.js';
import type { Replayable } from '../replaying.js';
import { formatWith } from '../sequence.js';
import { commitError, journalError } from './failure.js';
import { Folder, HEADER_KEY, partKey, revisionKey } from './folder.js';

/**
 * Writes a journal into a data folder that has none: its snapshots and its records, from the first that counts. It is written beside,
 * read again and replayed, and only then gets its name: one that is cut short is never taken for a journal.
 *
 * Throws a {@link JournalError}; then the folder has no journal.
 */
export async function importFolder(
  path: string,
  source: Replayable,
  progress: (revision: number) => void = () => {},
  signal?: AbortSignal,
): Promise<FolderReport> {
  if (Folder.exists(path)) {
    throw new JournalError('failed', `there is a journal in ${path} already: a copy goes into a folder that has none`);
  }
  const unfinished = join(path, `copy-${randomBytes(4).toString('hex')}.unfinished`);
  try {
    ensurePrivateFolder(path);
    mkdirSync(unfinished, { mode: 0o700 });
    try {
      await write(unfinished, source, progress, signal);
      return await nameCopy(unfinished, path);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  } catch (thrown) {
    if (signal?.aborted && thrown === signal.reason) throw thrown;
    throw journalError(thrown, `cannot copy a journal into ${path}`);
  }
}

/** Checks a copy, and gives it its name when it is whole. */
async function nameCopy(unfinished: string, path: string): Promise<FolderReport> {
  const report = await checkFolder(unfinished);
  const [problem] = report.problems;
  if (problem !== undefined) throw new JournalError(problem.kind, problem.message);
  // A second name, and not another one: a journal that a server has made meanwhile is not replaced.
  linkSync(Folder.fileOf(unfinished), Folder.fileOf(path));
  syncFolder(path);
  return { ...report, path };
}

async function write(
  path: string,
  source: Replayable,
  progress: (revision: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folder = await Folder.open(path, false);
  try {
    const writer = (await folder.claim()) ?? 0;
    const put = async (bytes: number, puts: () => void) => {
      signal?.throwIfAborted();
      try {
        if (await folder.write(writer, puts)) return;
      } catch (thrown) {
        throw await commitError(thrown, path, bytes);
      }
      throw new JournalError('locked', `another process writes to ${path}`);
    };
    for (const revision of source.snapshots()) {
      let part = 0;
      for await (const chunk of source.openSnapshot(revision).chunks()) {
        const key = partKey(revision, part++);
        await put(chunk.length, () => void folder.snapshots.put(key, chunk));
      }
      const mark = sealNumber(FrameKind.SNAPSHOT_MARK, { revision, part: 0 }, part);
      await put(mark.length, () => void folder.snapshots.put(revisionKey(revision), mark));
    }
    let { format } = source;
    for await (const slice of source.read(source.compacted)) {
      const records = [...slice];
      format = formatWith(format, records);
      const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
      await put(bytes, () => {
        for (const record of records) folder.records.put(revisionKey(record.revision), record.bytes);
      });
      progress(records.at(-1)?.revision ?? source.compacted);
    }
    const { compacted, initialLimits } = source;
    const header = encodeHeader({ format, compacted, initialLimits, release: version() });
    await put(header.length, () => void folder.header.put(HEADER_KEY, header));
  } finally {
    await folder.close();
  }
}
