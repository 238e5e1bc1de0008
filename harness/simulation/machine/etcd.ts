import type { Clock, Timer } from '../../../src/base/clock.js';
import {
  type Committed,
  type Compare,
  type EtcdStore,
  type Found,
  type KeyRange,
  type KeyValue,
  type Lease,
  type Operation,
  type ReadRange,
  StoreError,
  type StoreStatus,
  type Transaction,
} from '../../../src/log/etcd/store.js';

/**
 * What becomes of a request on its way: it passes, it is lost, it is carried out and its answer is lost, or its sender
 * hears nothing and it is carried out later.
 */
export type Way =
  | { readonly kind: 'passes' | 'lost' | 'unanswered' }
  | { readonly kind: 'late'; readonly byMs: number };

/** A connection's ways, to be changed while it is in use. */
export interface Ways {
  /** Drawn for each request. */
  next: (request: string) => Way;
  /** How long each direction takes. 0: no time passes. */
  delayMs: () => number;
}

/** A way on which nothing goes wrong and no time passes. */
export const GOOD_WAYS: () => Ways = () => ({ next: () => ({ kind: 'passes' }), delayMs: () => 0 });

interface Stored {
  readonly value: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly lease: bigint;
}

interface Granted {
  readonly ttlMs: number;
  timer: Timer;
}

/** What an etcd had at one moment. */
export interface EtcdBackup {
  readonly keys: readonly (readonly [string, Stored])[];
  readonly revision: bigint;
}

/** etcd's own, for each key. */
const KEY_BYTES = 64;

/**
 * etcd as the log knows it: one order of transactions, keys with the revisions at which they were made and written, leases that
 * run out. It outlives every process, and loses nothing; whatever goes wrong goes wrong on the way to it.
 */
export class SimulatedEtcd {
  readonly #clock: Clock;
  readonly #keys = new Map<string, Stored>();
  readonly #sorted: string[] = [];
  readonly #leases = new Map<bigint, Granted>();
  #revision = 1n;
  #nextLease = 1n;
  #bytes = 0;
  /** Counts restores. */
  #life = 0;
  /** Leases run by this factor of the time of everybody else: 1.1 is a tenth too slow. */
  leasePace = 1;
  /** What its file may hold. Beyond it puts are refused and deletes pass, as at etcd. */
  quotaBytes = Number.POSITIVE_INFINITY;
  readonly version = '3.4.23';
  readonly #watches = new Set<(keys: readonly string[]) => void>();
  /** Called with every transaction that compares and so takes place, in their order. */
  committed: (transaction: Transaction) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What stands in it, as an operator saves it. */
  backup(): EtcdBackup {
    return { keys: [...this.#keys], revision: this.#revision };
  }

  /**
   * Puts a backup in its place: revisions go back, and are given to other writes. Who had a lease is gone, and what was on its way to the
   * etcd of before is lost with it.
   */
  restore({ keys, revision }: EtcdBackup): void {
    this.#life++;
    for (const { timer } of this.#leases.values()) timer.cancel();
    this.#leases.clear();
    this.#keys.clear();
    this.#sorted.length = 0;
    this.#bytes = 0;
    this.#revision = revision;
    for (const [key, stored] of keys) {
      if (stored.lease !== 0n) continue;
      this.#keys.set(key, stored);
      this.#sorted.push(key);
      this.#bytes += stored.value.length + KEY_BYTES;
    }
    this.#sorted.sort();
  }

  /** A connection of a process. */
  connect(ways: Ways = GOOD_WAYS()): EtcdStore {
    let isOpen = true;
    const ask = <T>(request: string, carryOut: () => T): Promise<T> => {
      if (!isOpen) return Promise.reject(new StoreError('unclear', 'etcd: the connection is closed'));
      return this.#carry(ways, request, carryOut);
    };
    return {
      commit: (transaction) => ask('commit', () => this.#commit(transaction)),
      read: (range) => ask('read', () => this.#read(range)),
      grant: (ttlMs) => ask('grant', () => this.#grant(ttlMs)),
      keepAlive: (lease) => ask('keepAlive', () => this.#keepAlive(lease)),
      revoke: (lease) => ask('revoke', () => this.#expire(lease)),
      compact: () => ask('compact', () => undefined),
      status: () => ask('status', () => this.#status()),
      watch: (range, changed) => this.#watch(range, ways, () => isOpen && changed()),
      close: () => {
        isOpen = false;
      },
    };
  }

  #status(): StoreStatus {
    const quotaBytes = Number.isFinite(this.quotaBytes) ? this.quotaBytes : undefined;
    return { version: this.version, bytes: this.#bytes, bytesInUse: this.#bytes, quotaBytes, isAlarmed: false };
  }

  /** What is lost on the way of a watch is not told again. */
  #watch({ key, end = `${key}\0` }: KeyRange, ways: Ways, changed: () => void): { close(): void } {
    let isClosed = false;
    const watch = (keys: readonly string[]) => {
      if (!keys.some((one) => one >= key && one < end) || ways.next('watch').kind !== 'passes') return;
      void this.#pass(ways).then(() => {
        if (!isClosed) changed();
      });
    };
    this.#watches.add(watch);
    const close = () => {
      isClosed = true;
      this.#watches.delete(watch);
    };
    return { close };
  }

  async #carry<T>(ways: Ways, request: string, carryOut: () => T): Promise<T> {
    const way = ways.next(request);
    const life = this.#life;
    const unclear = () => new StoreError('unclear', `etcd: nothing is known of a ${request}`);
    await this.#pass(ways);
    if (way.kind === 'lost') throw unclear();
    if (way.kind === 'late') {
      this.#clock.after(way.byMs, () => {
        if (life !== this.#life) return;
        try {
          carryOut();
        } catch {
          // Nobody hears of the refusal.
        }
      });
      throw unclear();
    }
    if (life !== this.#life) throw unclear();
    const answer = carryOut();
    await this.#pass(ways);
    if (way.kind === 'unanswered') throw unclear();
    return answer;
  }

  #pass(ways: Ways): Promise<void> {
    const delayMs = ways.delayMs();
    return delayMs === 0 ? Promise.resolve() : new Promise((resolve) => this.#clock.after(delayMs, resolve));
  }

  #commit(transaction: Transaction): Committed {
    const { compare, success, failure = [] } = transaction;
    const succeeded = compare.every((one) => this.#compares(one));
    const operations = succeeded ? success : failure;
    const more = operations.reduce((sum, one) => sum + (one.kind === 'put' ? one.value.length + KEY_BYTES : 0), 0);
    if (more > 0 && this.#bytes + more > this.quotaBytes) throw new StoreError('full', 'etcd: space exceeded');
    const writes = operations.some(({ kind }) => kind !== 'read');
    const revision = writes ? this.#revision + 1n : this.#revision;
    const found = operations.flatMap((one) => {
      const values = this.#do(one, revision);
      return values === undefined ? [] : [values];
    });
    this.#revision = revision;
    if (succeeded) this.committed(transaction);
    if (writes) this.#tell(operations.flatMap(keysOf));
    return { succeeded, revision, found };
  }

  #compares({ key, target, revision }: Compare): boolean {
    const stored = this.#keys.get(key);
    const actual = target === 'created' ? stored?.createRevision : stored?.modRevision;
    return (actual ?? 0n) === revision;
  }

  #do(operation: Operation, revision: bigint): readonly KeyValue[] | undefined {
    if (operation.kind === 'read') return this.#read(operation.range).values;
    if (operation.kind === 'delete') for (const key of this.#within(operation.range)) this.#remove(key);
    else this.#put(operation, revision);
    return undefined;
  }

  #put({ key, value, lease = 0n }: Extract<Operation, { kind: 'put' }>, revision: bigint): void {
    if (lease !== 0n && !this.#leases.has(lease)) throw new StoreError('refused', 'etcd: requested lease not found');
    const before = this.#keys.get(key);
    if (before === undefined) this.#sorted.splice(this.#place(key), 0, key);
    else this.#bytes -= before.value.length + KEY_BYTES;
    this.#bytes += value.length + KEY_BYTES;
    const createRevision = before?.createRevision ?? revision;
    this.#keys.set(key, { value: Uint8Array.from(value), createRevision, modRevision: revision, lease });
  }

  #remove(key: string): void {
    const before = this.#keys.get(key);
    if (before === undefined) return;
    this.#bytes -= before.value.length + KEY_BYTES;
    this.#keys.delete(key);
    this.#sorted.splice(this.#place(key), 1);
  }

  #read(range: ReadRange): Found {
    const within = this.#within(range);
    const { limit = within.length, keysOnly = false } = range;
    const values = within.slice(0, limit).flatMap((key): KeyValue[] => {
      const stored = this.#keys.get(key);
      if (stored === undefined) return [];
      return [{ key, ...stored, value: keysOnly ? new Uint8Array() : stored.value }];
    });
    return { values, more: within.length > limit };
  }

  /** The keys of a range, in order. */
  #within({ key, end }: KeyRange): string[] {
    if (end === undefined) return this.#keys.has(key) ? [key] : [];
    return this.#sorted.slice(this.#place(key), this.#place(end));
  }

  /** Where a key stands, or would stand, among all. */
  #place(key: string): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle] < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grant(ttlMs: number): Lease {
    const id = this.#nextLease++;
    this.#leases.set(id, { ttlMs, timer: this.#run(id, ttlMs) });
    return { id, ttlMs };
  }

  #keepAlive(lease: bigint): boolean {
    const granted = this.#leases.get(lease);
    if (granted === undefined) return false;
    granted.timer.cancel();
    granted.timer = this.#run(lease, granted.ttlMs);
    return true;
  }

  #run(lease: bigint, ttlMs: number): Timer {
    return this.#clock.after(ttlMs * this.leasePace, () => this.#expire(lease));
  }

  #expire(lease: bigint): void {
    const granted = this.#leases.get(lease);
    if (granted === undefined) return;
    granted.timer.cancel();
    this.#leases.delete(lease);
    const keys = [...this.#keys].filter(([, stored]) => stored.lease === lease);
    if (keys.length > 0) this.#revision++;
    for (const [key] of keys) this.#remove(key);
    this.#tell(keys.map(([key]) => key));
  }

  #tell(keys: readonly string[]): void {
    for (const watch of this.#watches) watch(keys);
  }
}

/** Of a range that is deleted its first key stands for all. */
function keysOf(operation: Operation): readonly string[] {
  if (operation.kind === 'read') return [];
  return [operation.kind === 'put' ? operation.key : operation.range.key];
}
