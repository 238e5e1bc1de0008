import { crc32 } from 'node:zlib';
import type { Scheduler } from './machine/scheduler.js';

/** Lines kept for a report when nobody follows the trace. */
const KEPT_MAX = 400;

/**
 * What happened in a run, line by line, as a hash that two runs of one seed must share.
 *
 * The last lines are kept for the report of a failure; all of them go to `follow` when somebody looks.
 */
export class Trace {
  private high = 0x811c9dc5;
  private low = 0x01000193;
  private kept: string[] = [];
  count = 0;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly follow?: (line: string) => void,
  ) {}

  /** Adds a line. */
  note(text: string): void {
    const line = `${this.scheduler.nowMs.toFixed(3)} ${text}`;
    this.count++;
    for (let at = 0; at < line.length; at++) {
      const code = line.charCodeAt(at);
      this.high = Math.imul(this.high ^ code, 0x01000193);
      this.low = (Math.imul(this.low, 31) + code) | 0;
    }
    this.kept.push(line);
    if (this.kept.length >= 2 * KEPT_MAX) this.kept = this.kept.slice(KEPT_MAX);
    this.follow?.(line);
  }

  /** Adds a line about bytes, by their checksum. */
  bytes(text: string, bytes: Uint8Array): void {
    this.note(`${text} ${bytes.length} B ${crc32(bytes).toString(16)}`);
  }

  /** The hash of all lines so far. */
  get hash(): string {
    return [this.high, this.low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** The last lines, the newest at the end. */
  get tail(): readonly string[] {
    return this.kept.slice(-KEPT_MAX);
  }
}
