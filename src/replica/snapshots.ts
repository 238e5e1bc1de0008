import type { Clock } from '../base/clock.js';
import { capture, rowsOf } from '../core/store/snapshot.js';
import type { State } from '../core/store/state.js';
import { encodeChunks } from '../journal/format/chunk.js';
import type { Journal } from '../journal/journal.js';
import { type ReplicaLimits, SNAPSHOT_EVERY_LOW } from './limits.js';

/**
 * Keeps the journal short: after so many commands a snapshot is stored, and the records before the previous
 * snapshot are deleted.
 *
 * The capture is taken between two commands; writing it out takes a few milliseconds of each turn of the event loop, so
 * commands go on meanwhile. A snapshot that fails leaves the journal as it was, and the next command that is due tries again.
 */
export class Snapshots {
  private writing: Promise<void> | undefined;
  private last: number;
  private atMs: number | undefined;

  constructor(
    private readonly state: State,
    private readonly journal: Journal,
    private readonly limits: ReplicaLimits,
    private readonly clock: Clock,
    /** Called when a snapshot could not be stored. The journal is complete without it. */
    private readonly failed: (error: unknown) => void,
    /** When the last command of the newest stored snapshot was stored, by the wall clock. */
    newestAtMs?: number | undefined,
    /** How many times later than it is due one is stored here: others may store it before. */
    private readonly patience: () => number = () => 1,
  ) {
    this.last = journal.snapshots().at(-1) ?? 0;
    this.atMs = newestAtMs;
  }

  /** When the last command of the newest stored snapshot was stored, by the wall clock; undefined without one. */
  get newestAtMs(): number | undefined {
    return this.atMs;
  }

  /** Begins a snapshot when one is due. */
  consider(): void {
    const { room = 'enough' } = this.journal;
    const { snapshotEvery } = this.limits;
    const least = room === 'enough' ? snapshotEvery : Math.min(snapshotEvery, SNAPSHOT_EVERY_LOW);
    if (this.writing !== undefined || this.state.revision - this.last < least) return;
    const every = this.patience() * least;
    // In a log that several processes have, another one may have stored it.
    this.last = Math.max(this.last, this.journal.snapshots().at(-1) ?? 0);
    if (this.state.revision - this.last < every) return;
    this.writing = this.write().finally(() => {
      this.writing = undefined;
    });
  }

  /** Resolves when no snapshot is being written any more. */
  async idle(): Promise<void> {
    await this.writing;
  }

  private async write(): Promise<void> {
    const taken = capture(this.state);
    const { revision } = taken.position;
    const { atMs } = this.state;
    const before = this.journal.snapshots().at(-1);
    this.last = revision;
    try {
      const rest = () => new Promise<void>((resolve) => this.clock.soon(resolve));
      await this.journal.writeSnapshot(revision, encodeChunks(revision, rowsOf(taken), rest));
      this.atMs = atMs;
      if (before !== undefined) await this.journal.compact(before);
    } catch (error) {
      this.failed(error);
    }
  }
}
