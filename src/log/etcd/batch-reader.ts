import { JournalError, type StoredRecord } from '../../journal/journal.js';
import { checkChain, DamagedBatch, decodeBatch, type LogEnd, type ReadBatch } from './batch.js';
import { journalErrorOf } from './fence.js';
import type { LogKeys } from './keys.js';
import { READ_BYTES_AIM, READ_KEYS_MAX, READ_KEYS_MIN } from './limits.js';
import type { EtcdStore, Found, KeyValue, ReadRange } from './store.js';

/** Reads the batches of a log. */
export class BatchReader {
  readonly #store: EtcdStore;
  readonly #keys: LogKeys;

  constructor(store: EtcdStore, keys: LogKeys) {
    this.#store = store;
    this.#keys = keys;
  }

  /**
   * The records from a batch on that come after a revision, slice by slice, to the end that is given. Throws a JournalError after
   * what is whole: `damaged`, `version`, or `failed` where etcd does not answer.
   */
  async *records(firstSeq: number, after: number, end: LogEnd): AsyncGenerator<readonly StoredRecord[]> {
    let before: ReadBatch | undefined;
    for await (const { key, value } of this.#batches(firstSeq, end.seq)) {
      const seq = this.#keys.seqOf(key);
      const expected = before === undefined ? firstSeq : before.seq + 1;
      if (seq !== expected) throw missing(expected, before);
      let batch: ReadBatch;
      try {
        batch = decodeBatch(value, seq);
      } catch (error) {
        if (!(error instanceof JournalError)) throw error;
        const whole = error instanceof DamagedBatch ? error.whole.filter(({ revision }) => revision > after) : [];
        if (whole.length > 0) yield whole;
        const revision = (whole.at(-1)?.revision ?? Math.max(after, nextAfter(before) - 1)) + 1;
        throw new JournalError(error.kind, error.message, { revision, cause: error });
      }
      if (before !== undefined) checkChain(before.chain, batch);
      before = batch;
      const wanted = batch.records.filter(({ revision }) => revision > after && revision <= end.revision);
      if (wanted.length > 0) yield wanted;
    }
    if (end.seq >= firstSeq && before?.seq !== end.seq) throw missing((before?.seq ?? firstSeq - 1) + 1, before);
    if (before !== undefined && Buffer.compare(before.chain, end.chain) !== 0) {
      throw new JournalError('damaged', `batch ${end.seq} is not the one that the log's head names`);
    }
  }

  /** The last batch, of those from `firstSeq` to `lastSeq`, from which on no command after `revision` is missing. */
  async seqFor(revision: number, firstSeq: number, lastSeq: number): Promise<number> {
    let [low, high] = [firstSeq, lastSeq];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const [found] = (await this.#read({ key: this.#keys.batch(middle) })).values;
      if (isNotAfter(found, middle, revision + 1)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async *#batches(firstSeq: number, lastSeq: number): AsyncGenerator<KeyValue> {
    let limit = READ_KEYS_MIN;
    let next = firstSeq;
    while (next <= lastSeq) {
      const range = { key: this.#keys.batch(next), end: this.#keys.batch(lastSeq + 1), limit };
      const { values, more } = await this.#read(range);
      yield* values;
      if (!more) return;
      next = this.#keys.seqOf(values[values.length - 1].key) + 1;
      const bytes = values.reduce((sum, { value }) => sum + value.length, 0);
      if (bytes < READ_BYTES_AIM) limit = Math.min(READ_KEYS_MAX, 2 * limit);
      else limit = Math.max(READ_KEYS_MIN, Math.floor(limit / 2));
    }
  }

  async #read(range: ReadRange): Promise<Found> {
    try {
      return await this.#store.read(range);
    } catch (error) {
      throw journalErrorOf(error);
    }
  }
}

/**
 * Whether a batch begins with this revision, or before it. One that is missing or damaged is taken for a later one: reading that begins
 * too early is right, and finds what is wrong where it is.
 */
function isNotAfter(found: KeyValue | undefined, seq: number, revision: number): boolean {
  if (found === undefined) return false;
  try {
    return decodeBatch(found.value, seq).firstRevision <= revision;
  } catch (error) {
    if (error instanceof JournalError) return false;
    throw error;
  }
}

function nextAfter(batch: ReadBatch | undefined): number {
  return batch === undefined ? 1 : batch.firstRevision + batch.records.length;
}

function missing(seq: number, before: ReadBatch | undefined): JournalError {
  const options = before === undefined ? {} : { revision: nextAfter(before) };
  return new JournalError('damaged', `batch ${seq} is missing`, options);
}
