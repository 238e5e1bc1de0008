import { closeSync, constants, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../base/errors.js';
import { openPrivateFile } from '../base/private-files.js';
import { type AuditLine, hashOf, readLine } from './line.js';

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
  readonly file: string;
  /** From 1. */
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

/** Checks that every line follows from the one before. */
export function verifyFolder(folder: string): AuditReport {
  const problems: AuditProblem[] = [];
  let [lines, first, last] = [0, 0, ''];
  for (const { line, text, problem } of auditLines(folder)) {
    lines += 1;
    if (lines === 1) first = line?.number ?? 0;
    last = hashOf(text);
    if (problem !== undefined && problems.length < PROBLEMS_MAX) problems.push(problem);
  }
  return { files: auditFileNumbers(folder).length, lines, first, last, problems };
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
