import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { openPrivateFile } from '../base/private-files.js';
import { auditFileName, auditFileNumbers } from './folder.js';
import { AUDIT_LIMITS } from './limits.js';
import { type AuditLine, hashOf, readLine } from './line.js';

/** A line with its own hash, by which the one after it follows. */
export interface ReadLine extends AuditLine {
  readonly hash: string;
}

const LINE_FEED = 10;

/**
 * Reads an audit log from a line on, a piece at a time, while it is written. Holds no file and no line between two pieces, only where it
 * stands: so a reader that takes its time holds nothing up.
 */
export class AuditReader {
  readonly #folder: string;
  /** The number of the last line that was read. */
  #after: number;
  #place: { readonly file: number; readonly offset: number } | undefined;

  constructor(folder: string, after: number) {
    this.#folder = folder;
    this.#after = after;
  }

  /** The next lines, some hundreds at most. Empty: nothing whole was found here; `isAtEnd` says whether there may be more further on. */
  next(): { readonly lines: readonly ReadLine[]; readonly isAtEnd: boolean } {
    const numbers = auditFileNumbers(this.#folder);
    const place = this.#placeIn(numbers);
    if (place === undefined) return { lines: [], isAtEnd: true };
    const { bytes, size } = readPiece(this.#folder, place.file, place.offset);
    const whole = bytes.lastIndexOf(LINE_FEED) + 1;
    // A piece without the end of a line is of no line that was written here, or of one that still is.
    const taken = whole === 0 && bytes.length === AUDIT_LIMITS.pieceBytes ? bytes.length : whole;
    this.#place = { file: place.file, offset: place.offset + taken };
    const lines = bytes
      .toString('utf8', 0, whole)
      .split('\n')
      .flatMap((text) => this.#read(text));
    if (place.offset + taken < size && taken > 0) return { lines, isAtEnd: false };
    const next = numbers.find((number) => number > place.file);
    if (next !== undefined) this.#place = { file: next, offset: 0 };
    return { lines, isAtEnd: next === undefined };
  }

  #read(text: string): ReadLine[] {
    const line = readLine(text);
    if (line === undefined || line.number <= this.#after) return [];
    this.#after = line.number;
    return [{ ...line, hash: hashOf(text) }];
  }

  /** Where to go on; the oldest file that is kept where the reader's own was deleted meanwhile. */
  #placeIn(numbers: readonly number[]) {
    const place = this.#place;
    if (place !== undefined && numbers.includes(place.file)) return place;
    const begins = [...numbers].reverse().find((number) => firstNumber(this.#folder, number) <= this.#after + 1);
    const file = begins ?? numbers[0];
    return file === undefined ? undefined : { file, offset: 0 };
  }
}

/** The number of the first line of a file; infinite where it has none yet. */
function firstNumber(folder: string, file: number): number {
  const { bytes } = readPiece(folder, file, 0);
  const end = bytes.indexOf(LINE_FEED);
  return (end === -1 ? undefined : readLine(bytes.toString('utf8', 0, end)))?.number ?? Number.POSITIVE_INFINITY;
}

function readPiece(folder: string, file: number, offset: number): { readonly bytes: Buffer; readonly size: number } {
  const path = join(folder, auditFileName(file));
  const descriptor = openPrivateFile(path, constants.O_RDONLY, { isSecret: true });
  try {
    const bytes = Buffer.allocUnsafe(AUDIT_LIMITS.pieceBytes);
    const count = readSync(descriptor, bytes, 0, bytes.length, offset);
    return { bytes: bytes.subarray(0, count), size: fstatSync(descriptor).size };
  } finally {
    closeSync(descriptor);
  }
}
