import type { Logger } from 'pino';
import type { SeenLeader } from '../shared-log.js';
import type { LogKeys } from './keys.js';
import { TERM_PART } from './limits.js';
import { type EtcdStore, type KeyValue, StoreError } from './store.js';
import { seenOf } from './tail.js';

/** How a process that has its name alone learns that another one is gone. */
export interface LeaderProbe {
  /** Whether this process has heard that leader over its link in that term, and the link broke since. */
  readonly hasLost: (leader: SeenLeader) => boolean;
  /** Whether nothing listens at an address: its machine refuses connections. */
  readonly isRefused: (address: string) => Promise<boolean>;
  /** etcd's revision at which this process claimed its name; undefined: it has claimed none. */
  readonly claimedAt: () => bigint | undefined;
}

/** What a {@link GoneLeader} stands on. */
export interface GoneLeaderDeps {
  readonly store: Pick<EtcdStore, 'timeToLive' | 'commit' | 'revoke'>;
  readonly keys: LogKeys;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly network: string;
  /** This process's own name. */
  readonly name: string;
  readonly probe: LeaderProbe | undefined;
}

/**
 * Finds out whether a leader is gone, one question at a time, and ends its term: a machine that says nothing does not keep this process
 * from winning when the lease ends.
 *
 * A refused connection alone says little: a firewall rejects, a forwarder has nothing behind it, or the address was wrong from the
 * beginning, and the leader lives. So two more have to agree: this process has reached the leader in that term, and the
 * leader has not renewed its lease for so long that it has taken its term for lost itself, if it lives.
 */
export class GoneLeader {
  readonly #deps: GoneLeaderDeps;
  #isAsking = false;
  /** The term of the last one that is. */
  #term = 0n;
  /** The last term whose lease etcd refused to end. */
  #refused = 0n;
  /** The last term whose end was reported. */
  #reported = 0n;
  /** Whether the key of this process's name is not the one any more that it claimed. */
  #isNameLost = false;

  constructor(deps: GoneLeaderDeps) {
    this.#deps = deps;
  }

  is({ createRevision }: KeyValue): boolean {
    return createRevision === this.#term;
  }

  /** Resolves when it is found to be gone, and otherwise never. */
  async look(key: KeyValue): Promise<void> {
    if (!this.#isAsking && key.createRevision !== this.#refused) {
      this.#isAsking = true;
      const isGone = await this.#isGone(key).catch(() => false);
      this.#isAsking = false;
      if (isGone) this.#term = key.createRevision;
      if (isGone) return;
    }
    await new Promise(() => {});
  }

  /** Ends the term of one that is gone. Whether it has ended, the key says when it is read again. Rejects with a StoreError. */
  async end(key: KeyValue): Promise<void> {
    const claimedAt = this.#claimAfter(key);
    if (claimedAt !== undefined && !(await this.#removePredecessor(key, claimedAt))) return;
    try {
      // With its lease, not the key alone: a process that leads after all learns with its next keep-alive that its term is over.
      await this.#deps.store.revoke(key.lease);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.kind !== 'unclear' && claimedAt === undefined) {
        this.#waitFor(key, error);
        return;
      }
    }
    this.#report(key, claimedAt !== undefined);
  }

  async #isGone(key: KeyValue): Promise<boolean> {
    const { probe } = this.#deps;
    const leader = seenOf(key);
    if (probe === undefined || leader === undefined) return false;
    // This process has had that name since: who led under it is gone.
    if (this.#claimAfter(key) !== undefined) return true;
    if (leader.address === '' || !probe.hasLost(leader)) return false;
    return (await this.#isSilent(key)) && (await probe.isRefused(leader.address)) && probe.hasLost(leader);
  }

  /** When this process claimed its name, if a leader of that name began before. One that began later claimed the name later, too. */
  #claimAfter(key: KeyValue): bigint | undefined {
    const { name, probe } = this.#deps;
    const claimedAt = probe?.claimedAt();
    if (this.#isNameLost || claimedAt === undefined || key.createRevision >= claimedAt) return undefined;
    return seenOf(key)?.name === name ? claimedAt : undefined;
  }

  /**
   * Deletes the key of a leader that had this process's name before, if this process has had the name ever since: one that was cut off from
   * etcd may have lost it to a process that leads.
   */
  async #removePredecessor({ key, createRevision }: KeyValue, claimedAt: bigint): Promise<boolean> {
    const { store, keys, name } = this.#deps;
    const { succeeded } = await store.commit({
      compare: [
        { key, target: 'created', revision: createRevision },
        { key: keys.name(name), target: 'modified', revision: claimedAt },
      ],
      success: [{ kind: 'delete', range: { key } }],
    });
    if (!succeeded) {
      this.#isNameLost = true;
      this.#term = 0n;
    }
    return succeeded;
  }

  /** Whether the lease was not renewed for so long that its holder, if it lives, has ended its term. */
  async #isSilent({ lease }: KeyValue): Promise<boolean> {
    const left = await this.#deps.store.timeToLive(lease);
    return left === undefined || left.leftMs <= left.ttlMs * (1 - TERM_PART);
  }

  #waitFor({ createRevision }: KeyValue, error: StoreError): void {
    const { log, network } = this.#deps;
    this.#refused = createRevision;
    this.#term = 0n;
    log.warn({ err: error, network }, 'etcd refuses to end the lease of a leader that is gone: it is waited for');
  }

  /** It may be wrong of another process, which ends then: an operator has to find that. */
  #report(key: KeyValue, isPredecessor: boolean): void {
    const { log, network } = this.#deps;
    const leader = seenOf(key);
    if (leader === undefined || this.#reported === key.createRevision) return;
    this.#reported = key.createRevision;
    const fields = { network, leader: leader.name };
    if (isPredecessor) {
      log.info(fields, 'the process that led under this name is gone: its lease is not waited for');
    } else {
      const taken = 'and has not renewed its lease: it is taken for dead, and its term ends';
      log.warn({ ...fields, address: leader.address }, `the leader is refused at ${leader.address}, ${taken}`);
    }
  }
}
