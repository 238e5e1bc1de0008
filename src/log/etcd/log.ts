import type { Logger } from 'pino';
import type { Clock, Random, Timer } from '../../base/clock.js';
import type { FollowedLog, LogTail, LogView, RetryCause, Term } from '../shared-log.js';
import { decodeHead, decodeLeader, encodeLeader } from './batch.js';
import { Fence, journalErrorOf } from './fence.js';
import { EtcdJournal } from './journal.js';
import { LogKeys } from './keys.js';
import { APPEND_BYTES_MAX, CAMPAIGN_MS, HISTORY_MS, UPKEEP_MS } from './limits.js';
import { type EtcdStore, StoreError } from './store.js';
import { EtcdTail } from './tail.js';
import { TermLease } from './term-lease.js';
import { checkVersion } from './version.js';
import { viewLog } from './view.js';

/** What a log in etcd is made of. */
export interface EtcdLogDeps {
  readonly store: EtcdStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Which network's. */
  readonly network: string;
  /** What others read of who leads. */
  readonly name: string;
  /** Where other servers reach it. Empty: nowhere. */
  readonly peerAddress?: string;
  /** How long the leader may be silent before another can win. */
  readonly leaderTtlMs: number;
  /** Whether the leader lets etcd forget its history. */
  readonly compactsHistory: boolean;
}

/** Bytes by which a process knows the key of its own try. */
const INCARNATION_BYTES = 8;

/** The log of a network in etcd. */
export class EtcdLog implements FollowedLog {
  readonly #deps: EtcdLogDeps;
  readonly #keys: LogKeys;
  /** Where the log stood at each upkeep of the last minutes. */
  #heads: { readonly atMs: number; readonly revision: bigint }[] = [];

  constructor(deps: EtcdLogDeps) {
    this.#deps = deps;
    this.#keys = new LogKeys(deps.network);
  }

  async lead(signal?: AbortSignal): Promise<Term> {
    const { store } = this.#deps;
    try {
      checkVersion((await store.status()).version);
      const lease = await this.#newLease();
      try {
        return await this.#open(lease, await this.#win(lease, signal));
      } catch (error) {
        lease.end();
        // etcd ends it in time if it does not hear this.
        await store.revoke(lease.id).catch(() => undefined);
        throw error;
      }
    } catch (error) {
      throw journalErrorOf(error);
    }
  }

  view(): Promise<LogView> {
    return viewLog({ store: this.#deps.store, keys: this.#keys });
  }

  tail(seq: number): LogTail {
    return new EtcdTail(this.#deps.store, this.#keys, seq);
  }

  watch(changed: () => void): { close(): void } {
    return this.#deps.store.watch(this.#keys.ends, changed);
  }

  async close(): Promise<void> {
    this.#deps.store.close();
  }

  async #newLease(): Promise<TermLease> {
    const { store, clock, leaderTtlMs } = this.#deps;
    const askedMs = clock.nowMs();
    return new TermLease(store, clock, await store.grant(leaderTtlMs), askedMs);
  }

  /** Makes the key `leader` as soon as there is none. Resolves with the term. */
  async #win(lease: TermLease, signal: AbortSignal | undefined): Promise<bigint> {
    const { store, random, name, peerAddress, log, network } = this.#deps;
    const { leader } = this.#keys;
    const value = encodeLeader(name, random.bytes(INCARNATION_BYTES), peerAddress);
    let leads: string | undefined;
    for (;;) {
      signal?.throwIfAborted();
      lease.lost.throwIfAborted();
      const committed = await store
        .commit({
          compare: [{ key: leader, target: 'created', revision: 0n }],
          success: [{ kind: 'put', key: leader, value, lease: lease.id }],
          failure: [{ kind: 'read', range: { key: leader } }],
        })
        .catch(unlessUnclear);
      if (committed?.succeeded) return committed.revision;
      const [now] = committed?.found[0] ?? [];
      // An earlier try had landed.
      if (now !== undefined && Buffer.compare(now.value, value) === 0) return now.createRevision;
      const other = now && decodeLeader(now.value).name;
      if (other !== leads && other !== undefined) log.info({ network, leader: other }, 'another server leads; waiting');
      leads = other;
      await this.#wait(CAMPAIGN_MS, signal);
    }
  }

  /** What a term begins with, in this order: the head is read when nothing of an earlier term can land any more. */
  async #open(lease: TermLease, term: bigint): Promise<Term> {
    const { store, clock, log, network } = this.#deps;
    const keys = this.#keys;
    const retries: Record<RetryCause, number> = { unclear: 0, full: 0 };
    const retried = (cause: RetryCause) => {
      retries[cause]++;
    };
    const fence = new Fence({ store, clock, leaderKey: keys.leader, term, retried });
    lease.lost.addEventListener('abort', () => log.warn({ network, term: String(term) }, lease.lost.reason.message));
    const [head] = (await store.read({ key: keys.head })).values;
    let upkeep: Timer | undefined;
    const resign = async () => {
      upkeep?.cancel();
      lease.end();
      fence.close();
      await this.#giveBack(term, lease.id);
    };
    const journal = await EtcdJournal.open({
      ...{ store, fence, keys, clock, term, retries, resign },
      head: head && { end: decodeHead(head.value), modRevision: head.modRevision },
      deposed: (error) => lease.supersede(error),
    });
    const plan = () => {
      upkeep = clock.after(UPKEEP_MS, () => void this.#keepUp(journal).finally(plan));
    };
    plan();
    log.info({ network, term: String(term), revision: journal.last }, 'leads');
    return {
      number: term,
      journal,
      appendBytesMax: APPEND_BYTES_MAX,
      lost: lease.lost,
      get figures() {
        return journal.figures;
      },
      resign: () => journal.close(),
    };
  }

  /** So that another can win at once. What etcd does not hear now, the end of the lease says. */
  async #giveBack(term: bigint, lease: bigint): Promise<void> {
    const { store } = this.#deps;
    const { leader } = this.#keys;
    const remove = {
      compare: [{ key: leader, target: 'created' as const, revision: term }],
      success: [{ kind: 'delete' as const, range: { key: leader } }],
    };
    await store.commit(remove).catch(() => undefined);
    await store.revoke(lease).catch(() => undefined);
  }

  /** Looks how large the store is, and lets etcd forget what is older than it has to be. */
  async #keepUp(journal: EtcdJournal): Promise<void> {
    const { store, clock, compactsHistory, log } = this.#deps;
    const atMs = clock.nowMs();
    try {
      await journal.measure();
      this.#heads.push({ atMs, revision: journal.headAt });
      while (this.#heads.length > 0 && atMs - this.#heads[0].atMs >= HISTORY_MS) {
        const { revision } = this.#heads.shift() ?? { revision: 0n };
        if (compactsHistory && revision > 0n) await store.compact(revision);
      }
    } catch (error) {
      log.warn({ err: error }, 'etcd did not take care of its history; it is asked again in a minute');
    }
  }

  #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#deps.clock.after(ms, () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      });
      const giveUp = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }
}

/** Of a try of which nothing is known, the next tells more. */
function unlessUnclear(error: unknown): undefined {
  if (error instanceof StoreError && error.kind === 'unclear') return undefined;
  throw error;
}
