import type { Clock } from '../../base/clock.js';
import { JournalError } from '../../journal/journal.js';
import { decodeMarks, encodeMarks, type LogMarks, type StoredMark } from './batch.js';
import type { AppendFence } from './fence.js';
import type { LogKeys } from './keys.js';
import { type LogReaders, SnapshotGuard } from './readers.js';
import { attemptName, isAttemptOf } from './snapshot-claim.js';
import { readParts, writeParts } from './snapshot-parts.js';
import type { EtcdStore, KeyRange } from './store.js';

/** What snapshots need. */
export interface SnapshotsDeps {
  readonly store: EtcdStore;
  readonly fence: AppendFence;
  readonly keys: LogKeys;
  readonly clock: Clock;
  readonly term: bigint;
  /** What every live server knows. */
  readonly readers: LogReaders;
}

/** The snapshots of a log as its leader has them, and the marks that say which of them are whole. A follower may store some, too. */
export class LogSnapshots {
  readonly #deps: SnapshotsDeps;
  #attempts = 0;
  /** The parts of the one that is being written. */
  #writing: KeyRange | undefined;
  #marks: LogMarks;
  /** etcd's revision of the marks as they are known here; 0: there are none. */
  #marksAt: bigint;

  private constructor(deps: SnapshotsDeps, marks: LogMarks, marksAt: bigint) {
    this.#deps = deps;
    this.#marks = marks;
    this.#marksAt = marksAt;
  }

  /** Reads the marks, and removes what earlier attempts left. */
  static async open(deps: SnapshotsDeps): Promise<LogSnapshots> {
    const { store, keys } = deps;
    const { values } = await store.read({ key: keys.marks });
    const [marks] = values;
    const snapshots = new LogSnapshots(deps, decodeMarks(marks?.value), marks?.modRevision ?? 0n);
    await snapshots.removeDead();
    return snapshots;
  }

  get marks(): LogMarks {
    return this.#marks;
  }

  /** Reads the marks again: a follower may have stored a snapshot. Resolves with whether they are others. */
  async refresh(): Promise<boolean> {
    const { store, keys } = this.#deps;
    const [now] = (await store.read({ key: keys.marks })).values;
    // Not while they are being written here: an answer that overtakes that of the write is older.
    if (now === undefined || now.modRevision <= this.#marksAt) return false;
    this.#marks = decodeMarks(now.value);
    this.#marksAt = now.modRevision;
    return true;
  }

  /** The parts of a snapshot in order. Throws a JournalError, `damaged`, when one is not there. */
  parts(mark: StoredMark): AsyncGenerator<Uint8Array> {
    return readParts(this.#deps, mark);
  }

  /**
   * Writes a snapshot of a log of this format, and counts it once it is whole. What was written is removed when that fails. Rejects with a
   * JournalError, `unread`, where a live server could not read it.
   */
  async write(
    { revision, seq, format }: { readonly revision: number; readonly seq: number; readonly format: number },
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { fence, keys, term, readers } = this.#deps;
    const guard = new SnapshotGuard(readers, format);
    const attempt = attemptName(term, String(this.#attempts++));
    const range = keys.attempt(revision, attempt);
    this.#writing = range;
    try {
      const stored = await writeParts({ ...this.#deps, guard }, range, chunks);
      const mark = { revision, seq, attempt, ...stored };
      const isCounted = (marks: LogMarks) => hasMark(marks, mark);
      await this.#change(isCounted, (marks) => withMark(marks, mark), guard);
    } catch (error) {
      // A closed fence gives up without an answer: the mark may be there, or come yet. The next term removes what does not count.
      if (!fence.isClosed) await fence.write([{ kind: 'delete', range }]).catch(() => undefined);
      throw error;
    } finally {
      this.#writing = undefined;
    }
  }

  /** Forgets the snapshots before a revision, and says that nothing up to it counts; then removes their parts. */
  async compact(revision: number, firstSeq: number): Promise<void> {
    const { fence, keys } = this.#deps;
    const before = this.#marks.marks.filter((mark) => mark.revision < revision);
    // A follower that has stored later ones meanwhile may have compacted further.
    const isCompacted = ({ compacted }: LogMarks) => compacted >= revision;
    await this.#change(isCompacted, ({ marks }) => {
      return { marks: marks.filter((mark) => mark.revision >= revision), compacted: revision, firstSeq };
    });
    for (const mark of before) {
      await fence.write([{ kind: 'delete', range: keys.attempt(mark.revision, mark.attempt) }]);
    }
  }

  /**
   * Removes the parts that count for nothing and never will: of attempts that are not in the marks and that nobody is writing. One
   * whose key was gone when its parts were there already has lost its right to the marks for ever.
   */
  async removeDead(): Promise<void> {
    const { store, keys, fence } = this.#deps;
    let { key } = keys.snapshots;
    for (;;) {
      const [part] = (await store.read({ ...keys.snapshots, key, limit: 1, keysOnly: true })).values;
      if (part === undefined) return;
      const range = keys.attemptOf(part.key);
      if (await this.#isDead(range, keys.attemptName(part.key))) await fence.write([{ kind: 'delete', range }]);
      key = range.end ?? range.key;
    }
  }

  /** Whether an attempt of which a part was read before this call is neither whole nor being written. */
  async #isDead(range: KeyRange, attempt: string): Promise<boolean> {
    const { store, keys } = this.#deps;
    if (range.key === this.#writing?.key) return false;
    const success = [keys.marks, keys.snapshotter].map((key) => ({ kind: 'read', range: { key } }) as const);
    const [[marks] = [], [claim] = []] = (await store.commit({ compare: [], success })).found;
    if (claim !== undefined && isAttemptOf(attempt, claim.createRevision)) return false;
    return !decodeMarks(marks?.value).marks.some((mark) => keys.attempt(mark.revision, mark.attempt).key === range.key);
  }

  /**
   * Writes other marks, unless they are so already. That they are still those that are known here is compared, so that a late repetition
   * changes nothing. Whether a try of which no answer came has landed is asked of what it was for: others may have changed the marks since.
   */
  async #change(
    isSo: (marks: LogMarks) => boolean,
    changed: (marks: LogMarks) => LogMarks,
    guard?: SnapshotGuard,
  ): Promise<void> {
    const { fence, keys, term } = this.#deps;
    while (!isSo(this.#marks)) {
      const marks = changed(this.#marks);
      const { succeeded, revision, found } = await fence.settle({
        compare: [
          { key: keys.leader, target: 'created', revision: term },
          { key: keys.marks, target: 'modified', revision: this.#marksAt },
          ...((await guard?.conditions()) ?? []),
        ],
        success: [{ kind: 'put', key: keys.marks, value: encodeMarks(marks) }],
        failure: [keys.leader, keys.marks].map((key) => ({ kind: 'read', range: { key } }) as const),
      });
      const [[leader] = [], [now] = []] = found;
      this.#marks = succeeded ? marks : decodeMarks(now?.value);
      this.#marksAt = succeeded ? revision : (now?.modRevision ?? 0n);
      if (!succeeded && leader?.createRevision !== term && !isSo(this.#marks)) throw fence.deposed();
    }
  }
}

/** Whether a snapshot counts. One that is not the newest any more does, too. */
export function hasMark({ marks }: LogMarks, { attempt, revision }: Pick<StoredMark, 'attempt' | 'revision'>): boolean {
  return marks.some((mark) => mark.attempt === attempt && mark.revision === revision);
}

/** The marks with one more snapshot. Throws a JournalError where the log begins behind it. */
export function withMark(before: LogMarks, mark: StoredMark): LogMarks {
  if (mark.revision <= before.compacted) {
    throw new JournalError('failed', `snapshot ${mark.revision} is not needed: later ones were stored meanwhile`);
  }
  return { ...before, marks: [...before.marks, mark].sort((x, y) => x.revision - y.revision) };
}
