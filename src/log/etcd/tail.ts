import { JournalError } from '../../journal/journal.js';
import type { LogSlice, LogTail, SeenLeader } from '../shared-log.js';
import { checkChain, decodeBatch, decodeHead, decodeLeader, EMPTY_LOG, type LogEnd, type ReadBatch } from './batch.js';
import { journalErrorOf } from './fence.js';
import type { LogKeys } from './keys.js';
import { READ_BYTES_AIM, READ_KEYS_MAX, READ_KEYS_MIN } from './limits.js';
import type { EtcdStore, KeyValue } from './store.js';
import { isStray } from './stray.js';

/**
 * Reads a log onward. The leader is read in the same transaction as the batches: whoever forwards to it has applied what every
 * earlier leader appended up to that moment.
 */
export class EtcdTail implements LogTail {
  readonly #store: EtcdStore;
  readonly #keys: LogKeys;
  #seq: number;
  #chain: Uint8Array | undefined;
  #limit = READ_KEYS_MIN;

  constructor(store: EtcdStore, keys: LogKeys, seq: number, chain?: Uint8Array) {
    this.#store = store;
    this.#keys = keys;
    this.#seq = seq;
    this.#chain = chain;
  }

  async read(): Promise<LogSlice> {
    const keys = this.#keys;
    const next = { key: keys.batch(this.#seq + 1), end: keys.batches.end, limit: this.#limit };
    const [[leader] = [], [head] = [], found = []] = await this.#found([
      { key: keys.leader },
      { key: keys.head },
      next,
    ]);
    const end = head === undefined ? EMPTY_LOG : decodeHead(head.value);
    // What stands behind the head belongs to a copy that is not whole.
    const batches = this.#decode(found.filter(({ key }) => keys.seqOf(key) <= end.seq));
    if (batches.length === 0 && end.seq > this.#seq) throw trimmed(this.#seq + 1);
    this.#checkEnd(end);
    this.#fit(found);
    const isWhole = this.#seq >= end.seq;
    return { batches, revision: end.revision, leader: seenOf(leader), isWhole };
  }

  /** A log only grows. One that ends earlier, or in another history, is a backup of it. */
  #checkEnd(end: LogEnd): void {
    if (this.#chain === undefined) return;
    const isOther = end.seq === this.#seq && Buffer.compare(end.chain, this.#chain) !== 0;
    if (end.seq >= this.#seq && !isOther) return;
    const applied = `this server has applied batch ${this.#seq}`;
    const found = isOther ? `another batch ${this.#seq} is in the log` : `the log ends at batch ${end.seq}`;
    throw new JournalError('differs', `${applied}, and ${found}: etcd was restored from a backup`);
  }

  async #found(ranges: readonly { readonly key: string }[]): Promise<readonly (readonly KeyValue[])[]> {
    try {
      const success = ranges.map((range) => ({ kind: 'read', range }) as const);
      return (await this.#store.commit({ compare: [], success })).found;
    } catch (error) {
      // It may have been too much for a message, or for the time that a request has.
      this.#limit = READ_KEYS_MIN;
      throw journalErrorOf(error);
    }
  }

  #decode(found: readonly KeyValue[]): ReadBatch[] {
    return found.map(({ key, value }) => {
      const seq = this.#keys.seqOf(key);
      if (seq !== this.#seq + 1) throw trimmed(this.#seq + 1);
      const batch = decodeBatch(value, seq);
      if (this.#chain !== undefined) checkChain(this.#chain, batch);
      this.#seq = seq;
      this.#chain = batch.chain;
      return batch;
    });
  }

  /** So many keys at once that their bytes fit a message. */
  #fit(found: readonly KeyValue[]): void {
    const bytes = found.reduce((sum, { value }) => sum + value.length, 0);
    if (bytes > READ_BYTES_AIM) this.#limit = Math.max(READ_KEYS_MIN, Math.floor(this.#limit / 2));
    else if (found.length === this.#limit && 2 * bytes <= READ_BYTES_AIM)
      this.#limit = Math.min(READ_KEYS_MAX, 2 * this.#limit);
  }
}

/** Who leads by the key that says so; undefined: that is held by none. Throws a JournalError where it cannot be read. */
export function seenOf(leader: KeyValue | undefined): SeenLeader | undefined {
  if (leader === undefined || isStray(leader)) return undefined;
  const { name, peerAddress } = decodeLeader(leader.value);
  return { name, term: leader.createRevision, address: peerAddress };
}

function trimmed(seq: number): JournalError {
  return new JournalError('locked', `batch ${seq} is not in the log any more: this server has slept too long`);
}
