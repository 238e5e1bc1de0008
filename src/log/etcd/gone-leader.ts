import type { SeenLeader } from '../shared-log.js';
import { TERM_PART } from './limits.js';
import type { EtcdStore, KeyValue } from './store.js';
import { seenOf } from './tail.js';

/** How a process that has its name alone learns that another one is gone. */
export interface LeaderProbe {
  /** Whether this process has heard that leader over its link in that term, and the link broke since. */
  readonly hasLost: (leader: SeenLeader) => boolean;
  /** Whether nothing listens at an address: its machine refuses connections. */
  readonly isRefused: (address: string) => Promise<boolean>;
}

/** What a {@link GoneLeader} stands on. */
export interface GoneLeaderDeps {
  readonly store: Pick<EtcdStore, 'timeToLive'>;
  /** This process's own name. */
  readonly name: string;
  readonly probe: LeaderProbe | undefined;
}

/**
 * Finds out whether a leader is gone, one question at a time: a machine that says nothing does not keep this process from winning when the
 * lease ends.
 *
 * A refused connection alone says little: a firewall rejects, a forwarder has nothing behind it, or the address was wrong from the
 * beginning, and the leader lives. So two more have to agree: this process has reached the leader in that term, and the
 * leader has not renewed its lease for so long that it takes its term for lost itself, if it lives.
 */
export class GoneLeader {
  readonly #deps: GoneLeaderDeps;
  #isAsking = false;
  /** The term of the last one that is. */
  #term = 0n;

  constructor(deps: GoneLeaderDeps) {
    this.#deps = deps;
  }

  is({ createRevision }: KeyValue): boolean {
    return createRevision === this.#term;
  }

  /** Resolves when it is found to be gone, and otherwise never. */
  async look(key: KeyValue): Promise<void> {
    if (!this.#isAsking) {
      this.#isAsking = true;
      const isGone = await this.#isGone(key).catch(() => false);
      this.#isAsking = false;
      if (isGone) this.#term = key.createRevision;
      if (isGone) return;
    }
    await new Promise(() => {});
  }

  async #isGone(key: KeyValue): Promise<boolean> {
    const { probe, name } = this.#deps;
    const leader = seenOf(key);
    if (probe === undefined || leader === undefined) return false;
    // This process has that name: who led under it is gone.
    if (leader.name === name) return true;
    if (leader.address === '' || !probe.hasLost(leader)) return false;
    return (await this.#isSilent(key)) && (await probe.isRefused(leader.address)) && probe.hasLost(leader);
  }

  /** Whether the lease was not renewed for so long that its holder, if it lives, has ended its term or is about to. */
  async #isSilent({ lease }: KeyValue): Promise<boolean> {
    const left = await this.#deps.store.timeToLive(lease);
    return left === undefined || left.leftMs <= left.ttlMs * TERM_PART;
  }
}
