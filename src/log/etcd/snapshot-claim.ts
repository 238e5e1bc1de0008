import type { Clock, Random, Timer } from '../../base/clock.js';
import { JournalError } from '../../journal/journal.js';
import { encodeSnapshotter } from './batch.js';
import { AppendFence } from './fence.js';
import type { LogKeys } from './keys.js';
import { CLAIM_KEEP_MS, CLAIM_TTL_MS } from './limits.js';
import type { EtcdStore, Lease } from './store.js';
import { isStray, removeUnchanged } from './stray.js';

/** Bytes by which an attempt is told from every other, also in an etcd that was restored from a backup. */
const INCARNATION_BYTES = 4;

/** What a {@link SnapshotClaim} stands on. */
export interface SnapshotClaimDeps {
  readonly store: EtcdStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: LogKeys;
  /** Who claims, for people. */
  readonly name: string;
}

/**
 * The right to store one snapshot, held by one process of a network at a time: the key `snapshotter` under a lease.
 *
 * Everything that is written for the snapshot compares the key's create_revision, which is in the attempt's name as well. So two
 * attempts never share a part, and once the key is gone nothing more of the attempt can land: who finds parts of it may delete them.
 */
export class SnapshotClaim {
  readonly #deps: SnapshotClaimDeps;
  readonly #lease: Lease;
  #timer: Timer | undefined;
  #isOver = false;

  private constructor(
    deps: SnapshotClaimDeps,
    lease: Lease,
    /** What every write compares. */
    readonly created: bigint,
    /** The name of the attempt. */
    readonly attempt: string,
    /** Writes while the claim stands. */
    readonly fence: AppendFence,
  ) {
    this.#deps = deps;
    this.#lease = lease;
    this.#plan();
  }

  /** Claims the right. Undefined while another process has it. Rejects with a StoreError when nothing is known of it. */
  static async take(deps: SnapshotClaimDeps): Promise<SnapshotClaim | undefined> {
    const { store, clock, random, keys, name } = deps;
    const incarnation = random.bytes(INCARNATION_BYTES);
    const key = keys.snapshotter;
    const lease = await store.grant(CLAIM_TTL_MS);
    const { succeeded, revision, found } = await store.commit({
      compare: [{ key, target: 'created', revision: 0n }],
      success: [{ kind: 'put', key, value: encodeSnapshotter(name, incarnation), lease: lease.id }],
      failure: [{ kind: 'read', range: { key } }],
    });
    if (!succeeded) {
      const [now] = found[0] ?? [];
      // The next try has the right then.
      if (now !== undefined && isStray(now)) await removeUnchanged(store, now).catch(() => undefined);
      await store.revoke(lease.id).catch(() => undefined);
      return undefined;
    }
    const attempt = attemptName(revision, Buffer.from(incarnation).toString('hex'));
    const fence = new AppendFence({
      store,
      clock,
      leaderKey: key,
      term: revision,
      retried: () => {},
      ended: claimEnded,
    });
    return new SnapshotClaim(deps, lease, revision, attempt, fence);
  }

  /** Gives the right back. Never rejects; what etcd does not hear now the end of the lease says. */
  async release(): Promise<void> {
    this.#isOver = true;
    this.#timer?.cancel();
    this.fence.close();
    await this.#deps.store.revoke(this.#lease.id).catch(() => undefined);
  }

  #plan(): void {
    this.#timer = this.#deps.clock.after(CLAIM_KEEP_MS, () => {
      if (this.#isOver) return;
      // Whether it is gone the next write tells.
      this.#deps.store.keepAlive(this.#lease.id).catch(() => undefined);
      this.#plan();
    });
  }
}

/** The name of an attempt that is written while a key has this create_revision. */
export function attemptName(created: bigint, rest: string): string {
  return `${created.toString(16).padStart(16, '0')}-${rest}`;
}

/** Whether an attempt is one that is written while a key has this create_revision. */
export function isAttemptOf(attempt: string, created: bigint): boolean {
  return attempt.startsWith(attemptName(created, ''));
}

function claimEnded(): JournalError {
  return new JournalError('failed', 'this process has lost the right to store a snapshot: its lease has ended');
}
