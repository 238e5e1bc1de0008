import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** A place for more than should be in memory, which nobody else can open and which is gone with the process, however that ends. */
export interface ScratchFile {
  /** Where it is, for messages. */
  readonly folder: string;
  readonly size: number;
  /** Writes at the end. */
  append(bytes: Uint8Array): void;
  /** Reads what lies from `at` on into all of `bytes`. */
  read(bytes: Uint8Array, at: number): void;
  close(): void;
}

/** Opens a new one in the folder for temporary files (TMPDIR). */
export function openScratchFile(folder = tmpdir()): ScratchFile {
  const own = mkdtempSync(join(folder, 'switchyard-'));
  const path = join(own, 'scratch');
  try {
    const descriptor = openSync(path, O_RDWR | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0), 0o600);
    // What is open needs no name: without one, a process that is killed leaves nothing.
    unlinkSync(path);
    return new NamelessFile(folder, own, descriptor);
  } finally {
    removeFolder(own);
  }
}

/** NFS gives a file that is open another name in its folder instead of none: the folder goes when it is closed. */
function removeFolder(own: string): void {
  try {
    rmdirSync(own);
  } catch {
    // It is empty, or about to be, and holds nothing of anybody's.
  }
}

class NamelessFile implements ScratchFile {
  readonly #own: string;
  readonly #descriptor: number;

  constructor(
    readonly folder: string,
    own: string,
    descriptor: number,
  ) {
    this.#own = own;
    this.#descriptor = descriptor;
  }

  get size(): number {
    return fstatSync(this.#descriptor).size;
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
  }

  read(bytes: Uint8Array, from: number): void {
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(this.#descriptor, bytes, at, bytes.length - at, from + at);
      if (count === 0) throw new Error(`the scratch file in ${this.folder} ended at ${from + at}`);
      at += count;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
    removeFolder(this.#own);
  }
}
