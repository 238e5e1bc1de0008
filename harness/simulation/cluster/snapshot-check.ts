import { INITIAL_LIMITS } from '../../../src/core/model/limits.js';
import { JournalError } from '../../../src/journal/journal.js';
import { replayWhole } from '../../../src/journal/replaying.js';
import { LogKeys } from '../../../src/log/etcd/keys.js';
import type { EtcdStore, Operation, Transaction } from '../../../src/log/etcd/store.js';
import { viewLog } from '../../../src/log/etcd/view.js';
import type { Verdict } from '../verdict.js';

/**
 * **Whole**: every snapshot that counts is there with all its parts, and is the state that the commands come to, from the oldest one on,
 * of which none is missing. Looked at in the moment in which a snapshot begins to count, and whenever the log or parts are deleted.
 */
export class SnapshotCheck {
  readonly #store: EtcdStore;
  readonly #keys: LogKeys;
  readonly #verdict: Verdict;
  #isLooking = false;
  #isStale = false;
  /** Snapshots that began to count. */
  stored = 0;

  /** `store`: a connection on which nothing goes wrong and no time passes. */
  constructor(store: EtcdStore, network: string, verdict: Verdict) {
    this.#store = store;
    this.#keys = new LogKeys(network);
    this.#verdict = verdict;
  }

  /** Takes in what took place at the store. */
  take({ success }: Transaction): void {
    const isMark = success.some((one) => one.kind === 'put' && one.key === this.#keys.marks);
    if (isMark) this.stored++;
    if (isMark || success.some((one) => this.#deletes(one))) void this.#look();
  }

  #deletes(operation: Operation): boolean {
    if (operation.kind !== 'delete') return false;
    const { key } = operation.range;
    return [this.#keys.batches.key, this.#keys.snapshots.key].some((top) => key.startsWith(top));
  }

  async #look(): Promise<void> {
    this.#isStale = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#isStale) {
      this.#isStale = false;
      const problem = await this.#problem();
      // What changed meanwhile is looked at again.
      if (problem !== undefined && !this.#isStale) this.#verdict.fail('Whole', problem);
    }
    this.#isLooking = false;
  }

  async #problem(): Promise<string | undefined> {
    try {
      const { journal, revision } = await viewLog({ store: this.#store, keys: this.#keys });
      for (const at of journal.snapshots()) for await (const _ of journal.openSnapshot(at).chunks());
      const state = await replayWhole(journal, INITIAL_LIMITS);
      return state.revision === revision ? undefined : `the log ends at ${revision} and comes to ${state.revision}`;
    } catch (error) {
      // Of an etcd that is being restored nothing is known.
      if (error instanceof JournalError && error.kind === 'failed') return undefined;
      return error instanceof Error ? error.message : String(error);
    }
  }
}
