import type { AuditStore } from '../../../src/audit/audit-log.js';
import { type ChainEnd, EMPTY_CHAIN, hashOf, readLine } from '../../../src/audit/line.js';

/** The files of an audit log, which outlive every server process, and which somebody may cut short. */
export class AuditDisk {
  #lines: string[] = [];

  /** Opens it in a process. A line is on the disk when `append` returns. */
  open(): AuditStore {
    return {
      end: this.#end,
      append: (text) => void this.#lines.push(...text.split('\n').slice(0, -1)),
      holds: (line) => this.holds(line),
      close: () => {},
    };
  }

  /** Whether this very line is on the disk, or no line is meant. */
  holds({ number, hash }: ChainEnd): boolean {
    return number === 0 || this.#lines.some((text) => readLine(text)?.number === number && hashOf(text) === hash);
  }

  /** Takes all lines away but the first. */
  cut(): void {
    this.#lines = this.#lines.slice(0, 1);
  }

  get #end(): ChainEnd {
    const text = this.#lines.at(-1);
    return text === undefined ? EMPTY_CHAIN : { number: readLine(text)?.number ?? 0, hash: hashOf(text) };
  }
}
