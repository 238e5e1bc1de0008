import type { Clock } from '../../base/clock.js';
import { JournalError } from '../../journal/journal.js';
import type { RetryCause } from '../shared-log.js';
import { RETRY_MS_MAX, RETRY_MS_MIN } from './limits.js';
import {
  type Committed,
  type Compare,
  type EtcdStore,
  type KeyValue,
  type Operation,
  StoreError,
  type Transaction,
} from './store.js';

/** What a fence needs. */
export interface AppendFenceDeps {
  readonly store: EtcdStore;
  readonly clock: Clock;
  /** The key `leader`, or another that says who may write. */
  readonly leaderKey: string;
  /** Its create_revision in this term. */
  readonly term: bigint;
  /** The error of what is tried when the term is over; absent: `deposed`. */
  readonly ended?: (() => JournalError) | undefined;
  /** Called before a transaction is sent again. */
  readonly retried: (cause: RetryCause) => void;
}

/**
 * Writes of one term. Every transaction compares that the term still stands, so that nothing of a term that is over lands behind
 * what a later one wrote.
 *
 * A transaction of which nothing is known is sent again until etcd says what became of it: so what was asked for has happened,
 * or never will, when a method here resolves or rejects.
 */
export class AppendFence {
  readonly #deps: AppendFenceDeps;
  readonly #closing = new AbortController();

  constructor(deps: AppendFenceDeps) {
    this.#deps = deps;
  }

  /** Whether it was closed. What rejects from then on may have happened, or may happen yet. */
  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Ends what is being sent again: it rejects with a JournalError of kind `failed`, because nothing is known of it. */
  close(): void {
    this.#closing.abort();
  }

  /**
   * Carries out operations that may be repeated, such as a put of the same value. Rejects with a JournalError: `deposed` when
   * the term is over, `full`, or `failed`.
   */
  async write(operations: readonly Operation[]): Promise<Committed> {
    const { leaderKey, term } = this.#deps;
    const outcome = await this.settle({
      compare: [{ key: leaderKey, target: 'created', revision: term }],
      success: operations,
    });
    if (!outcome.succeeded) throw this.deposed();
    return outcome;
  }

  /**
   * Sends a transaction until etcd says what became of it. It has to compare so that it cannot take place twice. Rejects with a
   * JournalError: `full` when it has not taken place for want of space, or `failed`.
   */
  async settle(transaction: Transaction): Promise<Committed> {
    const { store, retried } = this.#deps;
    // Once nothing is known of one try, a refusal of the next says nothing of the first.
    let isUnclear = false;
    for (let waitMs = RETRY_MS_MIN; ; waitMs = Math.min(RETRY_MS_MAX, 2 * waitMs)) {
      try {
        return await store.commit(transaction);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        if (!isUnclear && error.kind === 'full') return this.#afterFull(transaction, error);
        if (!isUnclear && error.kind !== 'unclear') throw journalErrorOf(error);
        isUnclear = true;
        if (this.#closing.signal.aborted) throw journalErrorOf(error);
        retried(error.kind === 'full' ? 'full' : 'unclear');
        await this.#pause(waitMs, error);
      }
    }
  }

  /** The error of everything that is tried in a term that is over. */
  deposed(): JournalError {
    return (
      this.#deps.ended?.() ??
      new JournalError('deposed', 'another process leads this network now, or this one lost its term')
    );
  }

  /**
   * What became of a transaction that etcd answered with NOSPACE. A member that finds its quota passed only while it carries the
   * transaction out answers so, too, *after* it has. But it has answered, so nothing of it comes later, and what stands there tells.
   */
  async #afterFull({ compare, failure = [] }: Transaction, full: StoreError): Promise<Committed> {
    for (let waitMs = RETRY_MS_MIN; ; waitMs = Math.min(RETRY_MS_MAX, 2 * waitMs)) {
      try {
        if (await this.#compares(compare)) throw journalErrorOf(full);
        const found: (readonly KeyValue[])[] = [];
        // The leader, which is asked for first, is read last: if it still leads then, nobody else wrote what was read before.
        for (const operation of [...failure].reverse()) {
          found.unshift(operation.kind === 'read' ? (await this.#deps.store.read(operation.range)).values : []);
        }
        return { succeeded: false, revision: 0n, found };
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        if (this.#closing.signal.aborted) throw journalErrorOf(error);
        this.#deps.retried('full');
        await this.#pause(waitMs, error);
      }
    }
  }

  /** Whether conditions hold. Read one by one: a transaction of reads may be refused, too, where there is no space. */
  async #compares(conditions: readonly Compare[]): Promise<boolean> {
    for (const { key, target, revision } of conditions) {
      const [value] = (await this.#deps.store.read({ key })).values;
      const found = target === 'created' ? value?.createRevision : value?.modRevision;
      if ((found ?? 0n) !== revision) return false;
    }
    return true;
  }

  #pause(waitMs: number, error: StoreError): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve, reject) => {
      const timer = this.#deps.clock.after(waitMs, () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      });
      const giveUp = () => {
        timer.cancel();
        reject(journalErrorOf(error));
      };
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}

/** What etcd refused, as the journal's port has it. */
export function journalErrorOf(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  return new JournalError(error.kind === 'full' ? 'full' : 'failed', error.message, { cause: error });
}
