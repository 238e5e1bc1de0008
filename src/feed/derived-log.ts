import { type History, Log, type LogBounds, type Run } from './log.js';
import type { Touches } from './touches.js';

/** Another feed, of the same revisions, from whose history a feed's own can be made. */
export interface HistorySource {
  readonly log: History;
  /** What the revisions touched: the same for both. */
  readonly touches: Touches;
  /** One entry of that log as this feed's topic would have encoded it. */
  translate(entry: Uint8Array): Uint8Array;
}

/** Bytes that are translated for one message: a millisecond or two of decoding, as one watch makes all of it. */
const TRANSLATED_BYTES_MAX = 65_536;

/**
 * The history of a feed that few watch, or none. While somebody watches it is a {@link Log}; what lies before is translated from
 * another feed's history when it is read. So revisions that nobody reads are never encoded, and whoever resumes misses none.
 */
export class DerivedLog implements History {
  readonly #own: Log;
  readonly #source: HistorySource;

  constructor(bounds: LogBounds, floor: number, source: HistorySource) {
    this.#own = new Log(bounds, floor);
    this.#source = source;
  }

  get floor(): number {
    return Math.min(this.#own.floor, this.#source.log.floor);
  }

  get sharedFloor(): number {
    return this.#own.floor;
  }

  /** It is not used any more: what it holds does not count. */
  release(): void {
    this.#own.release();
  }

  get byteSize(): number {
    return this.#own.byteSize;
  }

  get entryCount(): number {
    return this.#own.entryCount;
  }

  append(revision: number, entry: Uint8Array): void {
    this.#own.append(revision, entry);
  }

  appendGap(revision: number): void {
    this.#own.appendGap(revision);
  }

  hasGapAfter(revision: number): boolean {
    if (this.#own.hasGapAfter(revision)) return true;
    return revision < this.#own.floor && this.#source.log.hasGapAfter(revision);
  }

  isGap(revision: number): boolean {
    return (revision > this.#own.floor ? this.#own : this.#source.log).isGap(revision);
  }

  read(after: number, bytesMax: number): Run | undefined {
    if (after >= this.#own.floor) return this.#own.read(after, bytesMax);
    return (
      this.#translate(after, Math.min(bytesMax, TRANSLATED_BYTES_MAX)) ?? this.#own.read(this.#own.floor, bytesMax)
    );
  }

  forget(revision: number): void {
    this.#own.forget(revision);
  }

  /** The source's entries past a revision and before the own ones, one at least; undefined when there are none. */
  #translate(after: number, bytesMax: number): Run | undefined {
    const { log, translate } = this.#source;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let revision = after;
    for (let run = log.read(after, 0); run !== undefined; run = log.read(revision, 0)) {
      if (run.revision > this.#own.floor) break;
      const part = translate(run.bytes);
      if (parts.length > 0 && bytes + part.length > bytesMax) break;
      parts.push(part);
      bytes += part.length;
      revision = run.revision;
    }
    return parts.length === 0 ? undefined : { bytes: Buffer.concat(parts), revision };
  }
}
