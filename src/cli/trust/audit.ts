import { type AuditReport, auditFolder, auditLines, verifyFolder } from '../../audit/folder.js';
import type { AuditLine } from '../../audit/line.js';
import { PrivateFileError } from '../../base/private-files.js';
import type { SwitchyardError } from '../../client/index.js';
import { type ConnectionFlags, withServersAdministrator } from '../connection.js';
import { explain } from '../operate/explain.js';
import { dim, red, type Text } from '../output/text.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { counted } from '../words.js';
import { dataFolder, type KnownAnchors, readAnchors } from './audit-anchors.js';

/** Which audit log, and how it is shown. */
export interface AuditFlags extends ConnectionFlags {
  readonly json?: boolean;
  /** How many of the newest lines. */
  readonly lines?: number;
  /** Go on with each line as it is written. */
  readonly follow?: boolean;
}

const LINES_DEFAULT = 50;
/** What the server begins with at most. */
const LINES_OF_SERVER_MAX = 10_000;

/** Prints the newest lines of an audit log, oldest first: of a data folder, or of a running server. */
export async function tailAudit({ lines: max = LINES_DEFAULT, ...flags }: AuditFlags, surroundings: Surroundings) {
  if (flags.server !== undefined || flags.follow) return tailServer(max, flags, surroundings);
  const newest: AuditLine[] = [];
  reading(flags, surroundings, (folder) => {
    for (const { line } of auditLines(folder)) {
      if (line === undefined) continue;
      newest.push(line);
      if (newest.length > max) newest.shift();
    }
  });
  const { out } = surroundings.terminal;
  await (flags.json ? out.jsonLines(newest) : out.writeLines(newest.map(described)));
}

async function tailServer(max: number, flags: AuditFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  if (max > LINES_OF_SERVER_MAX) throw new UsageError(`--lines: a server prints ${LINES_OF_SERVER_MAX} at most`);
  await withServersAdministrator(flags, surroundings, async (yard) => {
    let hasLines = false;
    const onBreak = (error: SwitchyardError, delayMs: number) => {
      // A server that is missing at the start is an error; one that goes away later is waited for.
      if (!hasLines) throw error;
      void terminal.err.write(`the watch broke (${explain(error)[0]}); trying again in ${Math.ceil(delayMs)} ms`);
    };
    const wanted = { signal, newest: max, isOnce: flags.follow !== true, onBreak };
    for await (const { number, hash: _, ...line } of yard.identities.watchAudit(wanted)) {
      hasLines = true;
      const plain = { number: Number(number), ...line };
      await (flags.json ? terminal.out.json(plain) : terminal.out.writeLines([described(plain)]));
    }
  });
}

/**
 * Says whether every line of an audit log follows from the one before, and whether the lines are there that the journal knows. Rejects
 * when it is not so.
 */
export async function verifyAudit(flags: AuditFlags, surroundings: Surroundings): Promise<void> {
  // First what the journal knows: a running server goes on writing, and lines that it knows are in the files by then.
  const known = await readAnchors(flags, surroundings);
  const report = reading(flags, surroundings, (folder) => verifyFolder(folder, known.anchors));
  const { out } = surroundings.terminal;
  if (flags.json) await out.json({ ...report, ...known });
  else await out.writeLines(verdict(report, known));
  if (report.problems.length > 0) throw new Failure('the audit log is not as it was written');
}

function verdict({ files, lines, first, last, problems }: AuditReport, { anchors, notCompared }: KnownAnchors): Text[] {
  const from = first > 1 ? `, from line ${first} on` : '';
  const newest = anchors.at(-1);
  const compared =
    newest === undefined
      ? 'the journal knows no line yet: nothing was compared'
      : `the journal knows line ${newest.number} of ${newest.at}`;
  return [
    ...problems.map(({ file, line, problem }): Text => [`${file}:${line}: `, red(problem)]),
    `${counted(lines, 'line')} in ${counted(files, 'file')}${from}`,
    ...(lines === 0 ? [] : [`the last has ${last}`]),
    notCompared === undefined ? compared : [red('not compared with the journal: '), notCompared],
  ];
}

function described({ number, at, who, from, what, on, outcome, count }: AuditLine): Text {
  const times = count === 1 ? '' : ` × ${count}`;
  const whence = from === '' ? '' : ` from ${from}`;
  const about = on === '' ? '' : ` ${on}`;
  return [dim(`${number} ${at} `), `${who}${whence}: ${what}${about}: `, outcome === 'ok' ? 'ok' : red(outcome), times];
}

function reading<Result>(flags: AuditFlags, surroundings: Surroundings, read: (folder: string) => Result): Result {
  try {
    return read(auditFolder(dataFolder(flags, surroundings)));
  } catch (error) {
    if (error instanceof PrivateFileError) throw new Failure(error.message);
    throw error;
  }
}
