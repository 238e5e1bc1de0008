import type { Position } from '../core/model/position.js';
import type { Capture } from '../core/store/snapshot.js';
import type { SnapshotEncoder } from './topic.js';

/**
 * A snapshot that several watchers read at once, each at its own pace: every chunk is encoded once, when the first of them
 * asks for it.
 *
 * It holds its chunks for as long as somebody reads it or may still begin to; the feed gives it up (`retired`) when too
 * many are held, and then its readers begin again with the newest.
 */
export class SharedSnapshot {
  readonly position: Position;
  retired = false;
  readers = 0;
  private readonly chunks: Uint8Array[] = [];
  private readonly rest: Iterator<Uint8Array>;
  private complete = false;

  constructor(taken: Capture, encoder: SnapshotEncoder) {
    this.position = taken.position;
    this.rest = encoder.chunks(taken);
  }

  /** How many rows it was taken of is unknown; how many chunks exist so far is not. */
  get chunkCount(): number {
    return this.chunks.length;
  }

  /** Chunk number `at`, or undefined past the last. */
  chunk(at: number): Uint8Array | undefined {
    while (this.chunks.length <= at && !this.complete) {
      const next = this.rest.next();
      if (next.done) this.complete = true;
      else this.chunks.push(next.value);
    }
    return this.chunks[at];
  }
}
