import type { Clock } from '../../base/clock.js';
import { decodeMarks, encodeMarks, type LogMarks, type StoredMark } from './batch.js';
import type { Fence } from './fence.js';
import type { LogKeys } from './keys.js';
import { readParts, writeParts } from './snapshot-parts.js';
import type { EtcdStore } from './store.js';

/** What snapshots need. */
export interface SnapshotsDeps {
  readonly store: EtcdStore;
  readonly fence: Fence;
  readonly keys: LogKeys;
  readonly clock: Clock;
  readonly term: bigint;
}

/** A snapshot that is being written: its parts count for nothing until it is in the marks. */
interface Attempt {
  readonly name: string;
  readonly parts: number;
}

/** The snapshots of a log, and the marks that say which of them are whole. */
export class LogSnapshots {
  readonly #deps: SnapshotsDeps;
  #attempts = 0;
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
    await snapshots.#removeUnfinished();
    return snapshots;
  }

  get marks(): LogMarks {
    return this.#marks;
  }

  /** The parts of a snapshot in order. Throws a JournalError, `damaged`, when one is not there. */
  parts(mark: StoredMark): AsyncGenerator<Uint8Array> {
    return readParts(this.#deps, mark);
  }

  /** Writes a snapshot, and counts it once it is whole. What was written is removed when that fails. */
  async write(revision: number, seq: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { fence, keys, term } = this.#deps;
    const name = `${term.toString(16).padStart(16, '0')}-${this.#attempts++}`;
    const range = keys.attempt(revision, name);
    try {
      const parts = await writeParts(this.#deps, range, chunks);
      await this.#change((marks) => ({ ...marks, marks: withMark(marks.marks, { revision, seq, name, parts }) }));
    } catch (error) {
      // What cannot be removed now goes with the next term.
      await fence.write([{ kind: 'delete', range }]).catch(() => undefined);
      throw error;
    }
  }

  /** Forgets the snapshots before a revision, and says that nothing up to it counts; then removes their parts. */
  async compact(revision: number, firstSeq: number): Promise<void> {
    const { fence, keys } = this.#deps;
    const before = this.#marks.marks.filter((mark) => mark.revision < revision);
    await this.#change(({ marks }) => ({
      marks: marks.filter((mark) => mark.revision >= revision),
      compacted: revision,
      firstSeq,
    }));
    for (const mark of before) {
      await fence.write([{ kind: 'delete', range: keys.attempt(mark.revision, mark.attempt) }]);
    }
  }

  /** Writes other marks. That they are still those that are known here is compared, so that a late repetition changes nothing. */
  async #change(changed: (marks: LogMarks) => LogMarks): Promise<void> {
    const { fence, keys, term } = this.#deps;
    const marks = changed(this.#marks);
    const value = encodeMarks(marks);
    const { succeeded, revision, found } = await fence.settle({
      compare: [
        { key: keys.leader, target: 'created', revision: term },
        { key: keys.marks, target: 'modified', revision: this.#marksAt },
      ],
      success: [{ kind: 'put', key: keys.marks, value }],
      failure: [{ kind: 'read', range: { key: keys.marks } }],
    });
    const [now] = found[0] ?? [];
    const hasLanded = !succeeded && now !== undefined && Buffer.compare(now.value, value) === 0;
    if (!succeeded && !hasLanded) throw fence.deposed();
    this.#marksAt = succeeded ? revision : (now?.modRevision ?? 0n);
    this.#marks = marks;
  }

  async #removeUnfinished(): Promise<void> {
    const { store, keys, fence } = this.#deps;
    const whole = new Set(this.#marks.marks.map(({ revision, attempt }) => keys.attempt(revision, attempt).key));
    let { key } = keys.snapshots;
    for (;;) {
      const { values } = await store.read({ ...keys.snapshots, key, limit: 1, keysOnly: true });
      if (values.length === 0) return;
      const range = keys.attemptOf(values[0].key);
      if (!whole.has(range.key)) await fence.write([{ kind: 'delete', range }]);
      key = range.end ?? range.key;
    }
  }
}

function withMark(
  marks: readonly StoredMark[],
  { revision, seq, name, parts }: Attempt & { readonly revision: number; readonly seq: number },
): StoredMark[] {
  return [...marks, { revision, seq, attempt: name, parts }].sort((x, y) => x.revision - y.revision);
}
