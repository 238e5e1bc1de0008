import { pino } from 'pino';
import type { Clock } from '../../../src/base/clock.js';
import type { Journal, StoredRecord } from '../../../src/journal/journal.js';
import { decodeBatch } from '../../../src/log/etcd/batch.js';
import { LogKeys } from '../../../src/log/etcd/keys.js';
import { EtcdLog } from '../../../src/log/etcd/log.js';
import type { EtcdStore, Transaction } from '../../../src/log/etcd/store.js';
import { Disk } from './disk.js';
import { SimulatedEtcd, type Way, type Ways } from './etcd.js';
import type { Process } from './process.js';
import type { SeededRandom } from './random.js';
import type { Scheduler } from './scheduler.js';

const NETWORK = 'simulated';
const LEADER_TTL_MS = 5_000;
/** How far leases run slower or faster than everybody's clock. */
const LEASE_PACES = [0.9, 1, 1.1];
/** How often a request goes wrong on its way, on a good day. */
const TROUBLED = 0.01;
/** How late a late request is carried out, at most: longer than a term takes to change hands. */
const LATE_MS_MAX = 20_000;

/** What a simulated etcd needs of its world. */
export interface EtcdDiskDeps {
  readonly scheduler: Scheduler;
  /** Breaks something on the way to etcd, for the proof that breaking it is noticed. */
  readonly tamper: (store: EtcdStore) => EtcdStore;
  readonly problem: (check: string, text: string) => void;
}

/**
 * An etcd in place of the machine's disk. It has the same bad days: slow, full, or failing, which is silence here. On all days now
 * and then a request is lost, carried out unheard, or carried out long after its sender has given up.
 *
 * It tells of each record in the moment in which its batch is in etcd.
 */
export class EtcdDisk extends Disk {
  readonly #etcd: SimulatedEtcd;
  readonly #keys = new LogKeys(NETWORK);
  #isLed = false;

  readonly #deps: EtcdDiskDeps;
  /** The last batch that was written, and its last revision. */
  #seq = 0;
  #revision = 0;

  constructor(random: SeededRandom, told: (records: readonly StoredRecord[]) => void, deps: EtcdDiskDeps) {
    super(random, told);
    this.#deps = deps;
    const { scheduler } = deps;
    this.#etcd = new SimulatedEtcd(clockOf(scheduler));
    this.#etcd.leasePace = random.pick(LEASE_PACES);
    this.#etcd.committed = (transaction) => this.#take(transaction);
  }

  override get isRefusing(): boolean {
    return this.full || this.failing || !this.#isLed;
  }

  /** Waits until the process before is not heard of any more, as its lease has to run out. */
  override async open(process: Process, lost: (error: unknown) => void): Promise<Journal> {
    const log = new EtcdLog({
      store: within(process, this.#deps.tamper(this.#etcd.connect(this.#ways()))),
      clock: process.clock,
      random: this.random,
      log: pino({ level: 'silent' }),
      network: NETWORK,
      name: 'simulated',
      leaderTtlMs: LEADER_TTL_MS,
      compactsHistory: true,
      quotaBytes: 2 * 1_073_741_824,
    });
    const term = await log.lead();
    term.lost.addEventListener('abort', () => {
      this.#isLed = false;
      lost(term.lost.reason);
    });
    this.#isLed = true;
    return term.journal;
  }

  /** What is on its way arrives, or does not: that is the network's to say. */
  override async lose(): Promise<void> {
    this.#isLed = false;
  }

  #ways(): Ways {
    const { random } = this;
    const next = (): Way => {
      this.#etcd.quotaBytes = this.full ? 0 : Number.POSITIVE_INFINITY;
      // It is silent: nothing arrives, or it arrives and nobody hears of it.
      if (this.failing) return { kind: random.pick(['lost', 'unanswered'] as const) };
      if (!random.chance(TROUBLED)) return { kind: 'passes' };
      const kind = random.pick(['lost', 'unanswered', 'late'] as const);
      return kind === 'late' ? { kind, byMs: random.fraction() * LATE_MS_MAX } : { kind };
    };
    return { next, delayMs: () => random.fraction() * this.slownessMs };
  }

  #take({ success }: Transaction): void {
    for (const operation of success) {
      if (operation.kind !== 'put' || !operation.key.startsWith(this.#keys.batches.key)) continue;
      const { seq, firstRevision, records } = decodeBatch(operation.value, this.#keys.seqOf(operation.key));
      if (seq !== this.#seq + 1 || firstRevision !== this.#revision + 1) {
        const where = `batch ${this.#seq} that ends with revision ${this.#revision}`;
        this.#deps.problem('Fenced', `batch ${seq} with revision ${firstRevision} was written behind ${where}`);
        return;
      }
      this.#seq = seq;
      this.#revision += records.length;
      if (records.length > 0) void this.write(records);
    }
  }
}

/** Answers reach a process as everything does that happens to it: not when it is dead, and later when it stands still. */
export function within(process: Process, store: EtcdStore): EtcdStore {
  const heard = <T>(answer: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      answer.then(
        (value) => process.perform(() => resolve(value)),
        (error: unknown) => process.perform(() => reject(error)),
      );
    });
  return {
    commit: (transaction) => heard(store.commit(transaction)),
    read: (range) => heard(store.read(range)),
    grant: (ttlMs) => heard(store.grant(ttlMs)),
    keepAlive: (lease) => heard(store.keepAlive(lease)),
    revoke: (lease) => heard(store.revoke(lease)),
    compact: (revision) => heard(store.compact(revision)),
    status: () => heard(store.status()),
    watch: (range, changed) => store.watch(range, () => process.perform(changed)),
    close: () => store.close(),
  };
}

/** The world's own time: etcd outlives every process. */
export function clockOf(scheduler: Scheduler): Clock {
  const after: Clock['after'] = (delayMs, call) => {
    const event = scheduler.after(delayMs, call);
    return { cancel: () => scheduler.cancel(event) };
  };
  return { nowMs: () => scheduler.nowMs, wallMs: () => scheduler.nowMs, after, soon: (call) => void after(0, call) };
}
