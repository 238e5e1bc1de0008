import type { Clock } from '../../base/clock.js';
import {
  type Journal,
  JournalError,
  type Room,
  type StoredRecord,
  type StoredSnapshot,
} from '../../journal/journal.js';
import type { KnownNumbers, Readers } from '../../journal/readers.js';
import { checkFollows, checkNewSnapshot, formatWith, gapless } from '../../journal/sequence.js';
import { refuseUnread } from '../../journal/unread.js';
import type { RetryCause, TermFigures, ToldSource } from '../shared-log.js';
import { EMPTY_LOG, encodeHead, extend, type LogEnd } from './batch.js';
import { BatchReader } from './batch-reader.js';
import type { AppendFence } from './fence.js';
import type { LogKeys } from './keys.js';
import { REQUEST_BYTES_MAX } from './limits.js';
import type { Quota } from './quota.js';
import type { LogReaders } from './readers.js';
import { LogSnapshots } from './snapshots.js';
import type { EtcdStore, KeyValue } from './store.js';
import { LogTrimmer } from './trim.js';

/** What a term's journal is made of. */
export interface EtcdJournalDeps {
  readonly store: EtcdStore;
  readonly fence: AppendFence;
  readonly keys: LogKeys;
  readonly clock: Clock;
  readonly term: bigint;
  /** The head as it was read after the term was won; undefined in a new log. */
  readonly head: { readonly end: LogEnd; readonly modRevision: bigint } | undefined;
  /** What every live server knows. */
  readonly readers: LogReaders;
  /** How much room etcd has. */
  readonly quota: Quota;
  /** How often transactions were sent again; the fence counts. */
  readonly retries: Readonly<Record<RetryCause, number>>;
  /** Who says what the batches so far came to; undefined: nobody. */
  readonly told: () => ToldSource | undefined;
  /** Called when a write says that the term is over. */
  readonly deposed: (error: JournalError) => void;
  /** Gives the term back. */
  readonly resign: () => Promise<void>;
}

/** What an append was refused for that has left the journal as it was. */
const HARMLESS: ReadonlySet<JournalError['kind']> = new Set(['full', 'unread']);

/**
 * The journal of a network in etcd, as its leader has it for one term.
 *
 * An append is one transaction: it puts the batch and the new head, and compares that the term stands and that the head is the one
 * that this term wrote last. So batches have no gap, none is in the log twice, and one of a term that is over never lands. It resolves
 * or rejects when what became of it is known.
 */
export class EtcdJournal implements Journal {
  readonly initialLimits = undefined;
  readonly #deps: EtcdJournalDeps;
  readonly #snapshots: LogSnapshots;
  readonly #reader: BatchReader;
  readonly #trimmer: LogTrimmer;
  #end: LogEnd;
  /** etcd's revision of the head as it was last written or read; 0: there is none. */
  #headAt: bigint;
  #storeBytes = 0;
  #isAppending = false;
  #isStoring = false;
  #broken: unknown;
  #closed: Promise<void> | undefined;

  private constructor(deps: EtcdJournalDeps, snapshots: LogSnapshots) {
    this.#deps = deps;
    this.#snapshots = snapshots;
    this.#reader = new BatchReader(deps.store, deps.keys);
    this.#trimmer = new LogTrimmer(deps);
    this.#end = deps.head?.end ?? EMPTY_LOG;
    this.#headAt = deps.head?.modRevision ?? 0n;
  }

  /** Opens the journal of a term: appends its first batch, which has no commands, and removes what is left over. */
  static async open(deps: EtcdJournalDeps): Promise<EtcdJournal> {
    const journal = new EtcdJournal(deps, await LogSnapshots.open(deps));
    await journal.#commit([]);
    await journal.#trim();
    await journal.measure();
    return journal;
  }

  get last(): number {
    return this.#end.revision;
  }

  get compacted(): number {
    return this.#snapshots.marks.compacted;
  }

  get format(): number {
    return this.#end.format;
  }

  /** What the term has done so far. */
  get figures(): TermFigures {
    const { seq, chain } = this.#end;
    return {
      seq,
      chain,
      quotaRatio: this.#deps.quota.ratio,
      storeBytes: this.#storeBytes,
      retries: this.#deps.retries,
    };
  }

  /** etcd's revision of the last append. */
  get headAt(): bigint {
    return this.#headAt;
  }

  /** A log in etcd begins with a later format than the first. */
  moveOn(): void {}

  async append(records: readonly StoredRecord[]): Promise<void> {
    if (this.#isAppending) throw new Error('an append began before the one before had ended');
    if (this.#broken !== undefined) throw this.#broken;
    checkFollows(this.last, records);
    const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
    if (bytes > REQUEST_BYTES_MAX) throw new Error(`an append of ${bytes} bytes; ${REQUEST_BYTES_MAX} are the limit`);
    if (records.length === 0) return;
    this.#isAppending = true;
    try {
      await this.#commit(records);
    } catch (error) {
      if (!(error instanceof JournalError) || !HARMLESS.has(error.kind)) this.#broken ??= error;
      throw error;
    } finally {
      this.#isAppending = false;
    }
  }

  snapshots(): readonly number[] {
    return this.#snapshots.marks.marks.map(({ revision }) => revision);
  }

  openSnapshot(revision: number): StoredSnapshot {
    const mark = this.#snapshots.marks.marks.find((stored) => stored.revision === revision);
    if (mark === undefined) throw new Error(`there is no snapshot at revision ${revision}`);
    return { revision, chunks: () => this.#snapshots.parts(mark) };
  }

  read(after: number): AsyncGenerator<readonly StoredRecord[]> {
    const end = this.#end;
    const { compacted } = this;
    return gapless({ compacted, after, last: end.revision }, this.#recordsAfter(after, end));
  }

  async writeSnapshot(revision: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#isStoring) throw new Error('a snapshot began before the one before had ended');
    checkNewSnapshot(this.compacted, this.last, this.snapshots(), revision);
    this.#isStoring = true;
    try {
      const seq = await this.#seqFor(revision, this.#end);
      await this.#unlessDeposed(this.#snapshots.write({ revision, seq, format: this.format }, chunks));
    } finally {
      this.#isStoring = false;
    }
  }

  async compact(revision: number): Promise<void> {
    const mark = this.#snapshots.marks.marks.find((stored) => stored.revision === revision);
    // A follower's later snapshots may have made it needless since the caller looked.
    if (mark === undefined && revision <= this.compacted) return;
    if (mark === undefined) throw new Error(`there is no snapshot at revision ${revision} to compact to`);
    await this.#unlessDeposed(this.#snapshots.compact(revision, mark.seq));
    await this.#unlessDeposed(this.#trim());
    await this.measure().catch(() => undefined);
  }

  /** Forgets what followers' snapshots have made needless. Rejects with what etcd says instead. */
  async tidy(): Promise<void> {
    if (await this.#snapshots.refresh()) await this.#unlessDeposed(this.#snapshots.removeDead());
    await this.#unlessDeposed(this.#trim());
  }

  /** Of the whole store, as it last said. */
  size(): number {
    return this.#storeBytes;
  }

  get readers(): Readers {
    return this.#deps.readers.least;
  }

  /** Asks anew what every live server knows. Rejects with a JournalError. */
  look(): Promise<void> {
    return this.#deps.readers.read();
  }

  get room(): Room {
    return this.#deps.quota.room;
  }

  /** Asks how large the store is. Rejects with what etcd says instead. */
  async measure(): Promise<void> {
    const { store, quota } = this.#deps;
    const status = await store.status();
    this.#storeBytes = status?.bytes ?? 0;
    quota.measure(status);
  }

  close(): Promise<void> {
    this.#closed ??= this.#deps.resign();
    return this.#closed;
  }

  /**
   * Appends what every live server can go on from. A server that came since they were asked may be of an earlier build: then nothing
   * is written, and they are asked again.
   */
  async #commit(records: readonly StoredRecord[]): Promise<void> {
    const { readers, fence } = this.#deps;
    for (;;) {
      const why = refuseUnread(this.#needed(records), this);
      if (why !== undefined) throw new JournalError('unread', why);
      if (await this.#put(records)) return;
      // Repeated until etcd answers, as the append was: nothing is wrong with this term.
      await readers.read((transaction) => fence.settle(transaction));
    }
  }

  #needed(records: readonly StoredRecord[]): KnownNumbers {
    const rulesMax = records.reduce((most, { rules = 0 }) => Math.max(most, rules), 0);
    return { formatMax: formatWith(this.format, records), rulesMax };
  }

  /** Resolves with false when a server came meanwhile and what is to be written may be beyond it: then nothing was written. */
  async #put(records: readonly StoredRecord[]): Promise<boolean> {
    const { fence, keys, term, readers } = this.#deps;
    const told = records.length === 0 ? undefined : this.#deps.told()?.told;
    const { end, batch } = extend(this.#end, term, records, told);
    const key = keys.batch(end.seq);
    const { rulesMax } = this.#needed(records);
    const isBeyond = end.format > this.#end.format || rulesMax > 0;
    const { succeeded, revision, found } = await fence.settle({
      compare: [
        { key: keys.leader, target: 'created', revision: term },
        { key: keys.head, target: 'modified', revision: this.#headAt },
        ...(isBeyond ? [readers.unchanged] : []),
      ],
      success: [
        { kind: 'put', key, value: batch },
        { kind: 'put', key: keys.head, value: encodeHead(end, term) },
      ],
      failure: [
        { kind: 'read', range: { key: keys.leader } },
        { kind: 'read', range: { key } },
        { kind: 'read', range: { key: keys.head } },
      ],
    });
    if (!succeeded && isBeyond && this.#isUntouched(found)) return false;
    this.#headAt = succeeded ? revision : this.#landedAt(found, batch);
    this.#end = end;
    if (told !== undefined) this.#deps.told()?.restart(end.seq);
    return true;
  }

  /** Whether the term stands, and the log ends where it did. */
  #isUntouched(found: readonly (readonly KeyValue[])[]): boolean {
    const [[leader] = [], , [head] = []] = found;
    return leader?.createRevision === this.#deps.term && (head?.modRevision ?? 0n) === this.#headAt;
  }

  /** Where an earlier try of an append has landed. Throws when none has. */
  #landedAt(found: readonly (readonly KeyValue[])[], batch: Uint8Array): bigint {
    const [[leader] = [], [stored] = [], [head]] = found;
    if (stored !== undefined && Buffer.compare(stored.value, batch) === 0) return stored.modRevision;
    const { fence, keys, term, clock, deposed } = this.#deps;
    if (leader?.createRevision === term) throw changedUnder(keys.head, head);
    const error = fence.deposed();
    // After the caller has heard it: that nothing was stored is more than the end of a term says.
    clock.soon(() => deposed(error));
    throw error;
  }

  async *#recordsAfter(after: number, end: LogEnd): AsyncGenerator<readonly StoredRecord[]> {
    if (after < this.compacted) return;
    yield* this.#reader.records(await this.#seqFor(after, end), after, end);
  }

  /** The batch to begin with for what comes after a revision. */
  async #seqFor(revision: number, end: LogEnd): Promise<number> {
    const { marks, compacted, firstSeq } = this.#snapshots.marks;
    if (revision === compacted) return firstSeq;
    const mark = marks.find((stored) => stored.revision === revision);
    return mark?.seq ?? this.#reader.seqFor(revision, firstSeq, end.seq);
  }

  #trim(): Promise<void> {
    const { firstSeq } = this.#snapshots.marks;
    return this.#trimmer.trim({ firstSeq, endSeq: this.#end.seq, isUrgent: this.room !== 'enough' });
  }

  async #unlessDeposed(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (error instanceof JournalError && error.kind === 'deposed') this.#deps.deposed(error);
      throw error;
    }
  }
}

/** Why a term ends whose leader stands and whose head does not: no server writes there but the leader. */
function changedUnder(key: string, head: KeyValue | undefined): JournalError {
  const what = head === undefined ? 'was deleted' : 'was written by something else';
  const advice = 'find out what writes there, and restore etcd from a backup: docs/cluster.md, Backups, and restoring';
  return new JournalError(
    'damaged',
    `${key} in etcd ${what} while this server led, so nothing can be stored: ${advice}`,
  );
}
