import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import type { Clock } from '../../base/clock.js';
import { codeOf } from '../../base/errors.js';

/** Characters of the log that wait for a reader; further lines are counted and dropped. */
const WAITING_LENGTH_MAX = 1 << 20;
/** Delay before it is tried again, when the reader has taken nothing. */
const AGAIN_MS = 100;

/** What a {@link LogSink} needs. */
export interface LogSinkDeps {
  readonly clock: Clock;
  /** Instead of the system's. */
  readonly write?: (fd: number, bytes: Buffer) => number;
}

/**
 * Where lines of a log go: a file descriptor, which never blocks the program. A closed pipe (EPIPE), a full disk and a reader
 * that has stopped (EAGAIN) only lose lines, which are counted in the next line that can be written.
 */
export class LogSink {
  readonly #deps: LogSinkDeps;
  readonly #fd: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #isTrying = false;

  constructor(fd: number, deps: LogSinkDeps) {
    this.#fd = unblocked(fd);
    this.#deps = deps;
  }

  /** Writes a line at once, where there is room for it. Never throws. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > WAITING_LENGTH_MAX) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isTrying) this.#flush();
  }

  #flush(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const written = this.#try(first);
      if (written === undefined) {
        this.#tryAgain();
        return;
      }
      this.#waitingBytes -= written;
      if (written === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(written);
    }
    if (this.#lost > 0) this.#tellLost();
  }

  /** How much was written; undefined when the reader has no room. What cannot be written at all counts as lost. */
  #try(bytes: Buffer): number | undefined {
    try {
      return (this.#deps.write ?? writeSync)(this.#fd, bytes);
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return undefined;
      this.#lost += 1;
      return bytes.length;
    }
  }

  #tellLost(): void {
    const lost = this.#lost;
    const line = JSON.stringify({
      level: 40,
      time: this.#deps.clock.wallMs(),
      lost,
      msg: 'lines of the log were lost',
    });
    const written = this.#try(Buffer.from(`${line}\n`));
    // If this line cannot be written either, a later line has the count. This line is not counted itself.
    this.#lost = written === undefined || this.#lost > lost ? lost : 0;
  }

  #tryAgain(): void {
    this.#isTrying = true;
    this.#deps.clock.after(AGAIN_MS, () => {
      this.#isTrying = false;
      this.#flush();
    });
  }
}

/** A pipe opened once more so that a write does not wait; the one that others share stays as it is. */
function unblocked(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd;
    const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
    process.on('exit', () => closeSync(own));
    return own;
  } catch {
    return fd;
  }
}
