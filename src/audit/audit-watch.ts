import type { Clock, Timer } from '../base/clock.js';
import type { Fault } from '../core/model/fault.js';
import type { AuditReader, ReadLine } from './audit-reader.js';
import { AUDIT_LIMITS } from './limits.js';

/** What a watch has next. */
export interface AuditPiece {
  readonly lines: readonly ReadLine[];
  /** The number of the newest line that is written. */
  readonly end: number;
}

/** What an {@link AuditWatch} needs. */
export interface AuditWatchDeps {
  readonly reader: AuditReader;
  readonly clock: Pick<Clock, 'after' | 'soon'>;
  /** The number of the newest line that is written. */
  readonly end: () => number;
  /** It is over. */
  readonly closed: (watch: AuditWatch) => void;
}

/**
 * One watcher of the audit log: where it stands, and nothing that grows. It is pulled, and reads from the files what it has not had; so
 * one that takes its time only falls behind. The first piece comes at once, and one without lines as a sign of life.
 */
export class AuditWatch {
  readonly #deps: AuditWatchDeps;
  #isDue = true;
  /** The newest line when the files were read to their end; lines up to it are all read. */
  #readUpTo: number;
  #timer: Timer | undefined;
  #wake: (() => void) | undefined;
  #isClosed = false;
  #ending: Fault | undefined;

  constructor(deps: AuditWatchDeps, after: number) {
    this.#deps = deps;
    this.#readUpTo = after;
  }

  /** The next piece, a Fault that ends it, or undefined while there is nothing to tell. */
  next(): AuditPiece | Fault | undefined {
    if (this.#isClosed) return undefined;
    if (this.#ending !== undefined) return this.#ending;
    const end = this.#deps.end();
    if (this.#readUpTo < end) {
      const { lines, isAtEnd } = this.#deps.reader.next();
      if (isAtEnd) this.#readUpTo = end;
      if (lines.length > 0) return this.#told({ lines, end });
      // Another piece, or nothing, in a turn of its own.
      if (!isAtEnd) {
        this.#deps.clock.soon(() => this.wake());
        return undefined;
      }
    }
    return this.#isDue ? this.#told({ lines: [], end }) : undefined;
  }

  onReady(wake: () => void): void {
    this.#wake = wake;
  }

  /** It ends with this, in the place of what it has not read yet. */
  end(fault: Fault): void {
    this.#ending = fault;
    this.wake();
  }

  /** There may be something to read. */
  wake(): void {
    this.#wake?.();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#wake = undefined;
    this.#deps.closed(this);
  }

  #told(piece: AuditPiece): AuditPiece {
    this.#isDue = false;
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(AUDIT_LIMITS.signOfLifeMs, () => {
      this.#isDue = true;
      this.wake();
    });
    return piece;
  }
}
