import type { Logger } from 'pino';
import type { LogKeys } from './keys.js';
import { type EtcdStore, type KeyValue, StoreError } from './store.js';
import { seenOf } from './tail.js';

/** What a {@link GoneLeader} stands on. */
export interface GoneLeaderDeps {
  readonly store: Pick<EtcdStore, 'commit' | 'revoke'>;
  readonly keys: LogKeys;
  readonly log: Pick<Logger, 'info'>;
  readonly network: string;
  /** This process's own name. */
  readonly name: string;
  /** etcd's revision at which this process claimed its name; undefined: it has claimed none. */
  readonly claimedAt: () => bigint | undefined;
}

/**
 * Ends the term of a leader that is known to be gone: one that led under this process's name before this process claimed it, as a server
 * that is started again finds itself. The lease of any other is waited for: a machine that refuses connections may be a firewall, and a leader that
 * lives may go on for as long as its lease.
 */
export class GoneLeader {
  readonly #deps: GoneLeaderDeps;
  /** Whether the key of this process's name is not the one any more that it claimed. */
  #isNameLost = false;

  constructor(deps: GoneLeaderDeps) {
    this.#deps = deps;
  }

  /** Whether who leads is such a predecessor. */
  is(key: KeyValue): boolean {
    return this.#claimAfter(key) !== undefined;
  }

  /** Ends the term of one that is gone. Whether it has ended, the key says when it is read again. Rejects with a StoreError. */
  async end(key: KeyValue): Promise<void> {
    const claimedAt = this.#claimAfter(key);
    if (claimedAt === undefined || !(await this.#removePredecessor(key, claimedAt))) return;
    const { store, log, network, name } = this.#deps;
    await store.revoke(key.lease).catch((error: unknown) => {
      // It runs out by itself, and the key is deleted.
      if (!(error instanceof StoreError)) throw error;
    });
    log.info({ network, leader: name }, 'the process that led under this name is gone: its lease is not waited for');
  }

  /** When this process claimed its name, if a leader of that name began before. One that began later claimed the name later, too. */
  #claimAfter(key: KeyValue): bigint | undefined {
    const claimedAt = this.#deps.claimedAt();
    if (this.#isNameLost || claimedAt === undefined || key.createRevision >= claimedAt) return undefined;
    return seenOf(key)?.name === this.#deps.name ? claimedAt : undefined;
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
    this.#isNameLost = !succeeded;
    return succeeded;
  }
}
