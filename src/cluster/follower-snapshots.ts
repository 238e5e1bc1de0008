import type { Clock } from '../base/clock.js';
import { capture, rowsOf } from '../core/store/snapshot.js';
import type { StateView } from '../core/store/state-view.js';
import { encodeChunks } from '../journal/format/chunk.js';
import { JournalError } from '../journal/journal.js';
import type { SharedSnapshots, SnapshotsSeen, TailedBatch } from '../log/shared-log.js';
import { SNAPSHOT_EVERY_LOW } from '../replica/limits.js';
import { CONFIRM_POLL_MS, LOG_BYTES_MIN, SNAPSHOT_LOOK_MS, SNAPSHOT_UNREAD_MS, SNAPSHOT_WEIGHT } from './limits.js';

/** What {@link FollowerSnapshots} stand on. */
export interface FollowerSnapshotsDeps {
  readonly clock: Clock;
  readonly snapshots: SharedSnapshots;
  /** What is to be stored. */
  readonly state: () => StateView;
  /** The last batch that is applied. */
  readonly seq: () => number;
  /** Whether it is this server that stores them now. */
  readonly isMine: () => boolean;
  /** The last batch up to which this server's state is known to be that of the leader; undefined: it does not compare now. */
  readonly comparedSeq: () => number | undefined;
  /** Commands between two snapshots. */
  readonly snapshotEvery: number;
  /** Called when one was stored, and when one could not be. The log is complete without it. */
  readonly stored: (revision: number) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Stores snapshots at a server that follows, so that the one that leads has the time for what only it can do: one is due after so many
 * commands, or when the log weighs more than two of them.
 *
 * The capture is taken between two batches; writing it out goes on beside what is applied. It counts only when the leader has come to
 * the same by a later batch, so that a server that decides otherwise than the leader hands that on to nobody.
 */
export class FollowerSnapshots {
  readonly #deps: FollowerSnapshotsDeps;
  /** Bytes of the log since the newest snapshot that was seen, as far as they were applied by this process. */
  #logBytes = 0;
  #newest = 0;
  /** Until when none is written, as a live server could not have read the last one. */
  #restsUntilMs = 0;
  #isOver = false;

  constructor(deps: FollowerSnapshotsDeps) {
    this.#deps = deps;
  }

  /** Begins to look now and then whether a snapshot is due. */
  start(): void {
    this.#deps.clock.after(SNAPSHOT_LOOK_MS, () => {
      if (this.#isOver) return;
      void this.#look().finally(() => this.start());
    });
  }

  /** A batch was applied. */
  applied({ records }: Pick<TailedBatch, 'records'>): void {
    for (const { bytes } of records) this.#logBytes += bytes.length;
  }

  /** Stores no more: the server leads from now on, or ends. One that is being written is given up. */
  end(): void {
    this.#isOver = true;
  }

  async #look(): Promise<void> {
    const { isMine, snapshots, failed, stored, clock } = this.#deps;
    if (!isMine() || clock.nowMs() < this.#restsUntilMs) return;
    try {
      const seen = await snapshots.look();
      if (this.#isOver || !isMine() || !this.#isDue(seen)) return;
      const revision = await this.#store();
      if (revision !== undefined) stored(revision);
    } catch (error) {
      const isUnread = error instanceof JournalError && error.kind === 'unread';
      if (isUnread) this.#restsUntilMs = clock.nowMs() + SNAPSHOT_UNREAD_MS;
      if (!this.#isOver) failed(error);
    }
  }

  #isDue({ newest, room }: SnapshotsSeen): boolean {
    const { state, snapshotEvery } = this.#deps;
    const last = newest?.revision ?? 0;
    if (last !== this.#newest) this.#logBytes = 0;
    this.#newest = last;
    const { revision } = state();
    // One of the same revision would have nothing new.
    if (revision <= last) return false;
    const every = room === 'enough' ? snapshotEvery : Math.min(snapshotEvery, SNAPSHOT_EVERY_LOW);
    const bytesMax = Math.max(LOG_BYTES_MIN, SNAPSHOT_WEIGHT * (newest?.bytes ?? 0));
    return revision - last >= every || this.#logBytes >= bytesMax;
  }

  async #store(): Promise<number | undefined> {
    const { snapshots, clock, state, seq } = this.#deps;
    const taken = capture(state());
    const { revision } = taken.position;
    const atSeq = seq();
    const rest = () =>
      new Promise<void>((resolve, reject) => {
        clock.soon(() => (this.#isOver ? reject(new Error('the server stores no snapshots any more')) : resolve()));
      });
    const isStored = await snapshots.store({
      ...{ revision, seq: atSeq, chunks: encodeChunks(revision, rowsOf(taken), rest) },
      confirm: () => this.#confirm(atSeq),
    });
    return isStored ? revision : undefined;
  }

  /**
   * Waits for a later batch with which the leader says what it came to, for as long as none comes: in a network at rest that may be hours,
   * in which the log does not grow either. To give the written one up and to store it again would go through etcd without end. Where the
   * leader says nothing, there is nothing to wait for.
   */
  async #confirm(seq: number): Promise<boolean> {
    const { clock, comparedSeq, isMine } = this.#deps;
    for (;;) {
      if (this.#isOver || !isMine()) return false;
      const compared = comparedSeq();
      if (compared === undefined || compared >= seq) return true;
      await new Promise<void>((resolve) => clock.after(CONFIRM_POLL_MS, resolve));
    }
  }
}
