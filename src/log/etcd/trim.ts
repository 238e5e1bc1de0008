import { JournalError } from '../../journal/journal.js';
import type { AppendFence } from './fence.js';
import type { LogKeys } from './keys.js';
import { ROSTER_MAX, TRIM_KEYS_MAX, TRIM_PATIENCE } from './limits.js';
import { decodeMember } from './roster.js';
import type { EtcdStore } from './store.js';
import { isStray } from './stray.js';

/** What a {@link LogTrimmer} stands on. */
export interface LogTrimmerDeps {
  readonly store: EtcdStore;
  readonly keys: LogKeys;
  readonly fence: Pick<AppendFence, 'write'>;
}

/** What is to be trimmed. */
export interface TrimTask {
  /** The first batch that counts. */
  readonly firstSeq: number;
  /** The last batch of the log. */
  readonly endSeq: number;
  /** Whether the store has so little room that nobody can be waited for. */
  readonly isUrgent: boolean;
}

/** Deletes the batches of a log that do not count any more, some at a time. */
export class LogTrimmer {
  readonly #deps: LogTrimmerDeps;
  /** The first batch that may be there; undefined: unknown. */
  #first: number | undefined;

  constructor(deps: LogTrimmerDeps) {
    this.#deps = deps;
  }

  /**
   * Deletes what is before the first batch that counts. A live server that has not applied it yet is waited for, because it would have
   * to begin anew from a snapshot otherwise; not for ever, though.
   */
  async trim(task: TrimTask): Promise<void> {
    const { store, keys, fence } = this.#deps;
    if (this.#first === undefined) {
      const { values } = await store.read({ ...keys.batches, limit: 1, keysOnly: true });
      if (values.length === 0) return;
      this.#first = keys.seqOf(values[0].key);
    }
    if (this.#first >= task.firstSeq) return;
    const end = trimEnd(task, task.isUrgent ? [] : await this.#applied());
    while (this.#first < end) {
      const next = Math.min(end, this.#first + TRIM_KEYS_MAX);
      await fence.write([{ kind: 'delete', range: { key: keys.batch(this.#first), end: keys.batch(next) } }]);
      this.#first = next;
    }
  }

  /** How far each live server has applied the log that says so. */
  async #applied(): Promise<readonly number[]> {
    const { store, keys } = this.#deps;
    const { values } = await store.read({ ...keys.servers, limit: ROSTER_MAX });
    const live = values.filter((found) => !isStray(found));
    return live.flatMap(({ value }) => {
      try {
        const { appliedSeq } = decodeMember(value);
        return appliedSeq === 0 ? [] : [appliedSeq];
      } catch (error) {
        // Of a build that is newer than this one, say. It is not worth the log.
        if (error instanceof JournalError) return [];
        throw error;
      }
    });
  }
}

/** The batch that becomes the first one. */
export function trimEnd(
  { firstSeq, endSeq }: Pick<TrimTask, 'firstSeq' | 'endSeq'>,
  applied: readonly number[],
): number {
  // A log of as many batches again as count is kept for who is behind.
  const least = endSeq - TRIM_PATIENCE * (endSeq - firstSeq + 1) + 1;
  return Math.min(firstSeq, Math.max(least, Math.min(firstSeq, ...applied.map((seq) => seq + 1))));
}
