import type { Logger } from 'pino';
import type { Timer } from '../../base/clock.js';
import { OWN_NUMBERS } from '../../journal/own-numbers.js';
import type { KnownNumbers } from '../../journal/readers.js';
import type { FollowedLog, LogTail, LogView, RetryCause, SharedSnapshots, Term } from '../shared-log.js';
import { decodeBatch, decodeHead } from './batch.js';
import { AppendFence, journalErrorOf } from './fence.js';
import { ClaimedSnapshots } from './follower-snapshots.js';
import { EtcdJournal } from './journal.js';
import { LogKeys } from './keys.js';
import { type Lead, type LeadDeps, takeLead } from './lead.js';
import { APPEND_BYTES_MAX, HISTORY_MS, QUOTA_LOOK_MS, UPKEEP_MS } from './limits.js';
import { Quota } from './quota.js';
import { LogReaders, type LogReadersDeps } from './readers.js';
import { EtcdTail } from './tail.js';
import { checkEmpty, viewLog } from './view.js';

/** What a log in etcd is made of. */
export interface EtcdLogDeps extends LeadDeps {
  readonly log: Logger;
  /** Whether the leader lets etcd forget its history. */
  readonly compactsHistory: boolean;
  /** What this server knows of what a log can hold; absent: what this build does. */
  readonly known?: KnownNumbers | undefined;
  /** What etcd's file may have, where etcd does not say so itself. */
  readonly quotaBytes: number;
}

/** The log of a network in etcd. */
export class EtcdLog implements FollowedLog {
  readonly #deps: EtcdLogDeps;
  readonly #keys: LogKeys;
  readonly snapshots: SharedSnapshots;
  /** Where the log stood at each upkeep of the last minutes. */
  #heads: { readonly atMs: number; readonly revision: bigint }[] = [];

  constructor(deps: EtcdLogDeps) {
    this.#deps = deps;
    this.#keys = new LogKeys(deps.network);
    // What operators hear of the room the leader says.
    const quota = new Quota(deps.quotaBytes, { info: () => {}, warn: () => {} });
    this.snapshots = new ClaimedSnapshots({ ...deps, ...this.#readersDeps(), quota });
  }

  async lead(signal?: AbortSignal): Promise<Term> {
    try {
      const lead = await takeLead(this.#deps, this.#keys, signal);
      try {
        return await this.#open(lead);
      } catch (error) {
        await lead.release();
        throw error;
      }
    } catch (error) {
      throw journalErrorOf(error);
    }
  }

  view(): Promise<LogView> {
    return viewLog({ store: this.#deps.store, keys: this.#keys });
  }

  tail(seq: number, chain?: Uint8Array): LogTail {
    return new EtcdTail(this.#deps.store, this.#keys, seq, chain);
  }

  async chainAt(seq: number): Promise<Uint8Array | undefined> {
    const { values } = await this.#deps.store.read({ key: this.#keys.batch(seq) }).catch((error: unknown) => {
      throw journalErrorOf(error);
    });
    const [batch] = values;
    return batch && decodeBatch(batch.value, seq).chain;
  }

  watch(changed: () => void): { close(): void } {
    return this.#deps.store.watch(this.#keys.ends, changed);
  }

  async close(): Promise<void> {
    this.#deps.store.close();
  }

  #readersDeps(): LogReadersDeps {
    const { store, log, known, name } = this.#deps;
    const warn = (message: string, error: unknown) => log.warn({ err: error }, message);
    return { store, keys: this.#keys, own: { ...(known ?? OWN_NUMBERS), name }, warn };
  }

  /** What a term begins with, in this order: the head is read when nothing of an earlier term can land any more. */
  async #open({ lease, term, release }: Lead): Promise<Term> {
    const { store, clock, log, network } = this.#deps;
    const keys = this.#keys;
    const retries: Record<RetryCause, number> = { unclear: 0, full: 0 };
    const retried = (cause: RetryCause) => {
      retries[cause]++;
    };
    const fence = new AppendFence({ store, clock, leaderKey: keys.leader, term, retried });
    lease.lost.addEventListener('abort', () => log.warn({ network, term: String(term) }, lease.lost.reason.message));
    const [head] = (await store.read({ key: keys.head })).values;
    if (head === undefined) await checkEmpty(store, keys);
    let upkeep: Timer | undefined;
    const resign = async () => {
      upkeep?.cancel();
      fence.close();
      await release();
    };
    const journal = await EtcdJournal.open({
      readers: await LogReaders.open(this.#readersDeps()),
      ...{ store, fence, keys, clock, term, retries, resign },
      quota: new Quota(this.#deps.quotaBytes, log),
      head: head && { end: decodeHead(head.value), modRevision: head.modRevision },
      told: () => opened.told,
      deposed: (error) => lease.supersede(error),
    });
    const plan = () => {
      upkeep = clock.after(QUOTA_LOOK_MS, () => void this.#keepUp(journal).finally(plan));
    };
    plan();
    log.info({ network, term: String(term), revision: journal.last }, 'leads');
    const opened: Term = {
      number: term,
      journal,
      appendBytesMax: APPEND_BYTES_MAX,
      lost: lease.lost,
      stands: () => lease.stands,
      get figures() {
        return journal.figures;
      },
      resign: () => journal.close(),
    };
    return opened;
  }

  /** Looks how large the store is, and lets etcd forget what is older than it has to be. */
  async #keepUp(journal: EtcdJournal): Promise<void> {
    const { store, clock, compactsHistory, log } = this.#deps;
    const atMs = clock.nowMs();
    // A failure here does not keep the rest from being done.
    await journal.look().catch((error: unknown) => {
      log.warn({ err: error }, 'etcd did not say what the live servers know; it is asked again');
    });
    try {
      await journal.measure();
      await journal.tidy();
      // What was trimmed takes room until etcd has forgotten it.
      if (journal.room !== 'enough' && compactsHistory) {
        this.#heads = [];
        await store.compact(journal.headAt);
      }
      if (atMs - (this.#heads.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) < UPKEEP_MS) return;
      this.#heads.push({ atMs, revision: journal.headAt });
      while (this.#heads.length > 0 && atMs - this.#heads[0].atMs >= HISTORY_MS) {
        const { revision } = this.#heads.shift() ?? { revision: 0n };
        if (compactsHistory && revision > 0n) await store.compact(revision);
      }
    } catch (error) {
      const message = 'etcd did not say how large it is, or did not take care of what is needless; it is asked again';
      log.warn({ err: error }, message);
    }
  }
}
