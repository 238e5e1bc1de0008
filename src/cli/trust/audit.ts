import { auditFolder, auditLines, verifyFolder } from '../../audit/folder.js';
import type { AuditLine } from '../../audit/line.js';
import { PrivateFileError } from '../../base/private-files.js';
import { defaultDataFolder } from '../../config/config.js';
import { dim, red, type Text } from '../output/text.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { counted } from '../words.js';

/** Which audit log, and how it is shown. */
export interface AuditFlags {
  readonly data?: string;
  readonly json?: boolean;
  /** How many of the newest lines. */
  readonly lines?: number;
}

const LINES_DEFAULT = 50;

/** Prints the newest lines of an audit log, oldest first. */
export async function tailAudit({ lines: max = LINES_DEFAULT, ...flags }: AuditFlags, surroundings: Surroundings) {
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

/** Says whether every line of an audit log follows from the one before. Rejects when one does not. */
export async function verifyAudit(flags: AuditFlags, surroundings: Surroundings): Promise<void> {
  const report = reading(flags, surroundings, verifyFolder);
  const { out } = surroundings.terminal;
  if (flags.json) await out.json(report);
  else {
    const { files, lines, first, last, problems } = report;
    const from = first > 1 ? `, from line ${first} on` : '';
    await out.writeLines([
      ...problems.map(({ file, line, problem }): Text => [`${file}:${line}: `, red(problem)]),
      `${counted(lines, 'line')} in ${counted(files, 'file')}${from}`,
      ...(lines === 0 ? [] : [`the last has ${last}`]),
    ]);
  }
  if (report.problems.length > 0) throw new Failure('the audit log is not as it was written');
}

function described({ number, at, who, from, what, on, outcome, count }: AuditLine): Text {
  const times = count === 1 ? '' : ` × ${count}`;
  const whence = from === '' ? '' : ` from ${from}`;
  const about = on === '' ? '' : ` ${on}`;
  return [dim(`${number} ${at} `), `${who}${whence}: ${what}${about}: `, outcome === 'ok' ? 'ok' : red(outcome), times];
}

function reading<Result>({ data }: AuditFlags, surroundings: Surroundings, read: (folder: string) => Result): Result {
  const folder = data ?? (surroundings.env.SWITCHYARD_DATA || defaultDataFolder(surroundings));
  try {
    return read(auditFolder(folder));
  } catch (error) {
    if (error instanceof PrivateFileError) throw new Failure(error.message);
    throw error;
  }
}
