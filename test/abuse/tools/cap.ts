import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Resident memory that a server may take, whatever is done to it: several times what the largest bound allows. */
export const RESIDENT_BYTES_MAX = 600 * 1_048_576;
/** A server that runs away takes 400 MB/s: some MiB between two looks. */
const LOOK_MS = 20;

/**
 * Ends a process that takes more memory than it may, before it takes the machine's.
 *
 * It looks at /proc: a limit of the address space does not suit V8, and control groups are not everybody's to make.
 */
export class MemoryCap {
  /** Resident memory at its highest. */
  peakBytes = 0;
  /** Whether the process was ended for it. */
  isExceeded = false;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly child: ChildProcess,
    readonly bytesMax = RESIDENT_BYTES_MAX,
  ) {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
    child.once('close', () => this.stop());
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.peakBytes = Math.max(this.peakBytes, residentBytes(this.child.pid!) ?? 0);
    if (this.peakBytes <= this.bytesMax) return;
    this.isExceeded = true;
    this.child.kill('SIGKILL');
    this.stop();
  }
}

/** Resident memory of a process; undefined when there is no such process (any more). */
export function residentBytes(pid: number): number | undefined {
  try {
    const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return found === null ? undefined : Number(found[1]) * 1_024;
  } catch {
    return undefined;
  }
}
