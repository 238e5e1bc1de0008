import { closeSync, constants, fdatasyncSync, fstatSync, ftruncateSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateFolder, openPrivateFile, syncFolder } from '../base/private-files.js';
import { AuditReader } from './audit-reader.js';
import { auditFileName, auditFileNumbers, readAuditFile } from './folder.js';
import { AUDIT_LIMITS } from './limits.js';
import { type ChainEnd, EMPTY_CHAIN, hashOf, readLine } from './line.js';

const { O_APPEND, O_CREAT, O_WRONLY } = constants;

/** How much is kept. */
export interface AuditFileLimits {
  readonly fileBytesMax: number;
  readonly filesMax: number;
}

/**
 * The files of an audit log: lines are appended to the newest, and the oldest is deleted when there are too many. What a crash has cut
 * off at the end is removed at the next start, so that the chain goes on from the last whole line.
 */
export class AuditFiles {
  readonly #folder: string;
  readonly #limits: AuditFileLimits;
  #number: number;
  #descriptor: number;
  #size: number;

  /** Reads the files from behind a line on. */
  reader(after: number): AuditReader {
    return new AuditReader(this.#folder, after);
  }

  /** Whether the files hold this very line, or no line is meant. Reads the file that it is in. */
  holds({ number, hash }: ChainEnd): boolean {
    if (number === 0) return true;
    const reader = this.reader(number - 1);
    for (;;) {
      const { lines, isAtEnd } = reader.next();
      const [line] = lines;
      if (line !== undefined) return line.number === number && line.hash === hash;
      if (isAtEnd) return false;
    }
  }

  /** Where the chain ended when the files were opened. */
  readonly end: ChainEnd;

  constructor(folder: string, limits: AuditFileLimits = AUDIT_LIMITS) {
    this.#folder = folder;
    this.#limits = limits;
    ensurePrivateFolder(folder);
    const numbers = auditFileNumbers(folder);
    this.end = lastEnd(folder, numbers);
    this.#number = numbers.at(-1) ?? 1;
    this.#descriptor = this.#open();
    this.#size = this.#cutTorn();
  }

  /** Appends whole lines, durable when it returns. Throws when the disk refuses; nothing of them is there then. */
  append(text: string): void {
    const bytes = Buffer.from(text);
    if (this.#size > 0 && this.#size + bytes.length > this.#limits.fileBytesMax) this.#beginNext();
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
      fdatasyncSync(this.#descriptor);
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#size);
      throw error;
    }
    this.#size += bytes.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #open(): number {
    return openPrivateFile(join(this.#folder, auditFileName(this.#number)), O_WRONLY | O_APPEND | O_CREAT, {
      isSecret: true,
    });
  }

  #beginNext(): void {
    const before = this.#descriptor;
    this.#number += 1;
    try {
      this.#descriptor = this.#open();
    } catch (error) {
      this.#number -= 1;
      throw error;
    }
    closeSync(before);
    this.#size = 0;
    syncFolder(this.#folder);
    const numbers = auditFileNumbers(this.#folder);
    for (const old of numbers.slice(0, Math.max(0, numbers.length - this.#limits.filesMax))) {
      rmSync(join(this.#folder, auditFileName(old)), { force: true });
    }
  }

  /** Removes what stands behind the last line feed. Answers with the size that is left. */
  #cutTorn(): number {
    const { size } = fstatSync(this.#descriptor);
    const text = readAuditFile(this.#folder, this.#number);
    const whole = Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1));
    if (whole !== size) ftruncateSync(this.#descriptor, whole);
    return whole;
  }
}

/** The end of the chain: of the newest file that has a whole line. */
function lastEnd(folder: string, numbers: readonly number[]): ChainEnd {
  for (const number of [...numbers].reverse()) {
    const text = readAuditFile(folder, number).split('\n').at(-2);
    if (text === undefined) continue;
    // A line that was changed has no number to go on from; that it was shows in its hash.
    return { number: readLine(text)?.number ?? 0, hash: hashOf(text) };
  }
  return EMPTY_CHAIN;
}
