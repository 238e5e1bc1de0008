import type { Clock, Random } from '../../base/clock.js';
import type { SharedSnapshots, SnapshotsSeen, SnapshotToStore } from '../shared-log.js';
import { decodeHead, decodeMarks, encodeMarks, type LogMarks, type StoredMark } from './batch.js';
import { journalErrorOf } from './fence.js';
import type { Quota } from './quota.js';
import { LogReaders, type LogReadersDeps, SnapshotGuard } from './readers.js';
import { SnapshotClaim } from './snapshot-claim.js';
import { writeParts } from './snapshot-parts.js';
import { hasMark, withMark } from './snapshots.js';

/** Snapshots that are kept: the older one is where a start begins, so that the feeds' history between the two comes back. */
const KEPT = 2;

/** What {@link ClaimedSnapshots} stand on. */
export interface ClaimedSnapshotsDeps extends LogReadersDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly name: string;
  /** How much room etcd has. */
  readonly quota: Quota;
}

/** The snapshots of a log, as a process stores them that does not lead: under a claim of its own instead of the leader's term. */
export class ClaimedSnapshots implements SharedSnapshots {
  readonly #deps: ClaimedSnapshotsDeps;

  constructor(deps: ClaimedSnapshotsDeps) {
    this.#deps = deps;
  }

  async look(): Promise<SnapshotsSeen> {
    const { store, quota } = this.#deps;
    try {
      const { marks } = await this.#read();
      quota.measure(await store.status());
      return { newest: marks.marks.at(-1), room: quota.room };
    } catch (error) {
      throw journalErrorOf(error);
    }
  }

  async store(snapshot: SnapshotToStore): Promise<boolean> {
    try {
      const claim = await SnapshotClaim.take(this.#deps);
      if (claim === undefined) return false;
      try {
        return await this.#write(claim, snapshot);
      } finally {
        await claim.release();
      }
    } catch (error) {
      throw journalErrorOf(error);
    }
  }

  async #write({ fence, attempt, created }: SnapshotClaim, snapshot: SnapshotToStore): Promise<boolean> {
    const { keys } = this.#deps;
    const { revision, seq, chunks, confirm } = snapshot;
    const guard = await this.#guard();
    const range = keys.attempt(revision, attempt);
    let isStored = false;
    try {
      const written = await writeParts({ ...this.#deps, fence, guard }, range, chunks);
      if (await confirm())
        isStored = await this.#mark({ fence, created, guard }, { revision, seq, attempt, ...written });
    } finally {
      // What cannot be removed now the leader finds.
      if (!isStored) await fence.write([{ kind: 'delete', range }]).catch(() => undefined);
    }
    return isStored;
  }

  /**
   * Puts a whole snapshot into the marks, beside the newest one there. False: a later one is there, and this one does not count. Whether a
   * put of which no answer came has landed is asked of the mark: the leader may have changed the marks since.
   */
  async #mark(
    { fence, created, guard }: Pick<SnapshotClaim, 'fence' | 'created'> & { readonly guard: SnapshotGuard },
    mark: StoredMark,
  ): Promise<boolean> {
    const { keys } = this.#deps;
    for (;;) {
      const { marks, marksAt } = await this.#read();
      if (hasMark(marks, mark)) return true;
      const newest = marks.marks.at(-1);
      if ((newest?.revision ?? marks.compacted) >= mark.revision) return false;
      const value = encodeMarks(kept(withMark(marks, mark)));
      const { succeeded, found } = await fence.settle({
        compare: [
          { key: keys.snapshotter, target: 'created', revision: created },
          { key: keys.marks, target: 'modified', revision: marksAt },
          ...(await guard.conditions()),
        ],
        success: [{ kind: 'put', key: keys.marks, value }],
        failure: [keys.snapshotter, keys.marks].map((key) => ({ kind: 'read', range: { key } }) as const),
      });
      const [[claim] = [], [now] = []] = found;
      if (succeeded || hasMark(decodeMarks(now?.value), mark)) return true;
      if (claim?.createRevision !== created) throw fence.deposed();
    }
  }

  async #guard(): Promise<SnapshotGuard> {
    const { store, keys } = this.#deps;
    const [head] = (await store.read({ key: keys.head })).values;
    return new SnapshotGuard(await LogReaders.open(this.#deps), head === undefined ? 0 : decodeHead(head.value).format);
  }

  async #read(): Promise<{ readonly marks: LogMarks; readonly marksAt: bigint }> {
    const { store, keys } = this.#deps;
    const [stored] = (await store.read({ key: keys.marks })).values;
    return { marks: decodeMarks(stored?.value), marksAt: stored?.modRevision ?? 0n };
  }
}

/** The newest snapshots, and the log from the older one on. */
function kept({ marks, ...rest }: LogMarks): LogMarks {
  if (marks.length < KEPT) return { marks, ...rest };
  const newest = marks.slice(-KEPT);
  const [{ revision, seq }] = newest;
  return { marks: newest, compacted: revision, firstSeq: seq };
}
