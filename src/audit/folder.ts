import { closeSync, constants, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../base/errors.js';
import { openPrivateFile } from '../base/private-files.js';
import { type AuditLine, FIRST_BEFORE, hashOf, readLine } from './line.js';

const NAME = /^audit-(\d{6})\.jsonl$/;

/** The folder of the audit log in a data folder. */
export function auditFolder(data: string): string {
  return join(data, 'audit');
}

/** The name of a file of the audit log. Names sort as the files follow each other. */
export function auditFileName(number: number): string {
  return `audit-${String(number).padStart(6, '0')}.jsonl`;
}

/** The numbers of the files in a folder, ascending; none where there is no folder. */
export function auditFileNumbers(folder: string): number[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return names.flatMap((name) => Number(NAME.exec(name)?.[1] ?? []) || []).sort((one, other) => one - other);
}

/** The content of one file. Throws a PrivateFileError for one that others can write or read. */
export function readAuditFile(folder: string, number: number): string {
  const descriptor = openPrivateFile(join(folder, auditFileName(number)), constants.O_RDONLY, { isSecret: true });
  try {
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** What is wrong with a line, and where it stands. */
export interface AuditProblem {
  /** `journal`: what the network's journal holds says so. */
  readonly file: string;
  /** From 1; of `journal` the number of a line of the log. */
  readonly line: number;
  readonly problem: string;
}

/** What came of a look at all lines. */
export interface AuditReport {
  readonly files: number;
  readonly lines: number;
  /** The number of the first line that is kept; 1 when none was deleted. 0: there is no line. */
  readonly first: number;
  /** The hash of the last line: who wrote it down somewhere else can tell whether lines are missing at the end. */
  readonly last: string;
  readonly problems: readonly AuditProblem[];
}

/** A line that was kept somewhere else, by which is seen whether the log holds it still. */
export interface AnchoredLine {
  readonly number: number;
  /** In hexadecimal. */
  readonly hash: string;
  /** When it was kept, RFC 3339. */
  readonly at: string;
  /** The log did not hold it any more when the server started. */
  readonly missed: boolean;
}

/** So many problems are told; a file that was changed in the middle has two. */
const PROBLEMS_MAX = 100;

/** Reads every line of a folder, oldest first, with what is wrong with it. */
export function* auditLines(
  folder: string,
): Generator<{ readonly line: AuditLine | undefined; readonly text: string; readonly problem?: AuditProblem }> {
  let before: { readonly hash: string; readonly number: number } | undefined;
  for (const number of auditFileNumbers(folder)) {
    const file = auditFileName(number);
    const texts = readAuditFile(folder, number).split('\n');
    // What stands behind the last line feed was cut off by a crash while it was written; the next start removes it.
    texts.pop();
    for (const [at, text] of texts.entries()) {
      const line = readLine(text);
      const problem = problemOf(line, before);
      yield { line, text, ...(problem && { problem: { file, line: at + 1, problem } }) };
      before = { hash: hashOf(text), number: line?.number ?? (before?.number ?? 0) + 1 };
    }
  }
}

/** Checks that every line follows from the one before, and that the lines are there that were kept somewhere else. */
export function verifyFolder(folder: string, anchors: readonly AnchoredLine[] = []): AuditReport {
  const problems: AuditProblem[] = [];
  const sought = new Set(anchors.map(({ number }) => number));
  /** The hashes of the lines that are sought, by number; that of the line before the first is in the first. */
  const found = new Map<number, string>([[0, FIRST_BEFORE]]);
  let [lines, first, last] = [0, 0, ''];
  for (const { line, text, problem } of auditLines(folder)) {
    lines += 1;
    if (lines === 1) first = line?.number ?? 0;
    if (lines === 1 && line !== undefined) found.set(line.number - 1, line.before);
    last = hashOf(text);
    if (line !== undefined && sought.has(line.number)) found.set(line.number, last);
    if (problem !== undefined && problems.length < PROBLEMS_MAX) problems.push(problem);
  }
  const missing = anchors.flatMap((anchor) => problemOfAnchor(anchor, found.get(anchor.number)) ?? []);
  return { files: auditFileNumbers(folder).length, lines, first, last, problems: [...problems, ...missing] };
}

/** The place of problems that are found by what the journal holds. */
const JOURNAL = 'journal';

function problemOfAnchor({ number, hash, at, missed }: AnchoredLine, found: string | undefined) {
  const say = (problem: string): AuditProblem => ({ file: JOURNAL, line: number, problem });
  if (missed) return say(`when the server started the log did not hold this line, which the journal has since ${at}`);
  if (found === hash) return undefined;
  return found === undefined
    ? say(
        `the log does not hold this line, which the journal has since ${at}: lines were removed at its end or its beginning`,
      )
    : say(`the log has another line of this number than the journal has since ${at}: it was written anew`);
}

function problemOf(
  line: AuditLine | undefined,
  before: { readonly hash: string; readonly number: number } | undefined,
): string | undefined {
  if (line === undefined) return 'it is no line of an audit log';
  // The oldest that is kept may follow one that is not.
  if (before === undefined) return undefined;
  if (line.number !== before.number + 1) return `its number is ${line.number}, and the one before has ${before.number}`;
  if (line.before === before.hash) return undefined;
  return 'it does not follow from the line before: one of them was changed, or lines between were removed';
}
