import type { Logger } from 'pino';
import type { Clock, Random } from '../../base/clock.js';
import { decodeLeader, encodeLeader } from './batch.js';
import { GoneLeader } from './gone-leader.js';
import type { LogKeys } from './keys.js';
import { CAMPAIGN_MS } from './limits.js';
import { type EtcdStore, StoreError } from './store.js';
import { isStray, removeUnchanged } from './stray.js';
import { TermLease } from './term-lease.js';
import { checkVersion } from './version.js';

/** Bytes by which a process knows the key of its own try. */
const INCARNATION_BYTES = 8;

/** What the key of who leads is held with. */
export interface LeadDeps {
  readonly store: EtcdStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Which network's. */
  readonly network: string;
  /** What others read of who leads. */
  readonly name: string;
  /** Where other servers reach it. Empty: nowhere. */
  readonly peerAddress?: string;
  /** How long the leader may be silent before another can win. */
  readonly leaderTtlMs: number;
  /** etcd's revision at which this process claimed its name: the lease of who led under it before is not waited for. Absent: it has claimed none. */
  readonly claimedAt?: (() => bigint | undefined) | undefined;
}

/** The key of who leads, held by this process. */
export interface Lead {
  /** Its create_revision: what every write of the term compares. */
  readonly term: bigint;
  readonly lease: TermLease;
  /** Lets another win at once. What etcd does not hear now, the end of the lease says. */
  release(): Promise<void>;
}

/** Waits until nobody leads a network, and holds the key then. Rejects with a StoreError, a JournalError or the signal's reason. */
export async function takeLead(deps: LeadDeps, keys: LogKeys, signal?: AbortSignal): Promise<Lead> {
  const { store, clock, leaderTtlMs } = deps;
  const status = await store.status();
  if (status !== undefined) checkVersion(status.version);
  const askedMs = clock.nowMs();
  const lease = new TermLease(store, clock, await store.grant(leaderTtlMs), askedMs);
  try {
    const term = await win(deps, keys, lease, signal);
    return { term, lease, release: () => release(store, keys, lease, term) };
  } catch (error) {
    lease.end();
    // etcd ends it in time if it does not hear this.
    await store.revoke(lease.id).catch(() => undefined);
    throw error;
  }
}

/** Makes the key `leader` as soon as there is none. Resolves with the term. */
async function win(deps: LeadDeps, keys: LogKeys, lease: TermLease, signal: AbortSignal | undefined): Promise<bigint> {
  const { store, random, name, peerAddress, log, network } = deps;
  const { leader } = keys;
  const value = encodeLeader(name, random.bytes(INCARNATION_BYTES), peerAddress);
  const gone = new GoneLeader({ store, keys, log, network, name, claimedAt: deps.claimedAt ?? (() => undefined) });
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
    if (now !== undefined && !isStray(now) && gone.is(now)) {
      signal?.throwIfAborted();
      await gone.end(now).catch(unlessUnclear);
      continue;
    }
    if (now !== undefined && isStray(now)) {
      log.info({ network, key: leader }, 'a key without a lease says who leads, so no server does: it is deleted');
      await removeUnchanged(store, now).catch(unlessUnclear);
      continue;
    }
    const other = now && decodeLeader(now.value);
    if (other !== undefined && other.name !== leads) {
      log.info({ network, leader: other.name }, 'another server leads; waiting');
    }
    leads = other?.name;
    await pause(deps.clock, CAMPAIGN_MS, signal);
  }
}

async function release(store: EtcdStore, { leader }: LogKeys, lease: TermLease, term: bigint): Promise<void> {
  lease.end();
  const remove = {
    compare: [{ key: leader, target: 'created' as const, revision: term }],
    success: [{ kind: 'delete' as const, range: { key: leader } }],
  };
  await store.commit(remove).catch(() => undefined);
  await store.revoke(lease.id).catch(() => undefined);
}

function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
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

/** Of a try of which nothing is known, the next tells more. */
function unlessUnclear(error: unknown): undefined {
  if (error instanceof StoreError && error.kind === 'unclear') return undefined;
  throw error;
}
