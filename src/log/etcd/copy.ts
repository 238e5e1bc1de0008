import { INITIAL_LIMITS } from '../../core/model/limits.js';
import { stateDigest } from '../../journal/format/digest.js';
import { NEW_FOLDER_FORMAT } from '../../journal/format/frame.js';
import { JournalError, type StoredRecord } from '../../journal/journal.js';
import { type Replayable, replayWhole } from '../../journal/replaying.js';
import {
  decodeHead,
  decodeLeader,
  EMPTY_LOG,
  encodeHead,
  encodeMarks,
  extend,
  type LogEnd,
  type StoredMark,
} from './batch.js';
import { AppendFence, journalErrorOf } from './fence.js';
import { LogKeys } from './keys.js';
import { type Lead, type LeadDeps, takeLead } from './lead.js';
import { APPEND_BYTES_MAX, BATCH_RECORDS_MAX } from './limits.js';
import { attemptName } from './snapshot-claim.js';
import { writeParts } from './snapshot-parts.js';
import type { Operation } from './store.js';
import { isStray } from './stray.js';
import { journalUpTo, viewLog } from './view.js';

/** A journal that is copied: nobody writes to it meanwhile. */
export interface CopySource extends Replayable {
  readonly last: number;
}

/** What a copy came to. */
export interface Copied {
  readonly revision: number;
  /** Of the state that the copy was replayed to. */
  readonly digest: string;
}

/** Told of every revision that is copied. */
export type CopyProgress = (revision: number) => void;

/**
 * Copies a journal into an empty network in etcd. The head of the log is written last, after the copy was read again, replayed and
 * compared: so a copy that is cut short is not there for any server, and the next one begins anew. No server can lead the network
 * meanwhile.
 *
 * Rejects with a JournalError, or the signal's reason.
 */
export async function copyIntoLog(
  deps: LeadDeps,
  source: CopySource,
  progress: CopyProgress,
  signal?: AbortSignal,
): Promise<Copied> {
  if (source.format < NEW_FOLDER_FORMAT) {
    const advice =
      'it does not say by which limits its commands were decided. Start this release on it once, and stop it';
    throw new JournalError('failed', `the journal is of format ${source.format}: ${advice}`);
  }
  const keys = new LogKeys(deps.network);
  const { head } = await standing(deps, keys);
  if (head !== undefined) {
    const found = `network ${deps.network} in etcd has a journal already, up to revision ${decodeHead(head).revision}`;
    throw new JournalError('failed', `${found}: a copy goes into an empty one`);
  }
  return holding(deps, keys, signal, (lead, fence) =>
    new CopyIn(deps, keys, lead, fence, signal).run(source, progress),
  );
}

/**
 * Hands the journal of a network in etcd to `copy`, while no server can lead it. Rejects with a JournalError, the signal's reason, or as
 * `copy` does.
 */
export async function copyOutOfLog<R>(
  deps: LeadDeps,
  copy: (source: CopySource) => Promise<R>,
  signal?: AbortSignal,
): Promise<R> {
  const keys = new LogKeys(deps.network);
  const { head } = await standing(deps, keys);
  if (head === undefined) throw new JournalError('failed', `network ${deps.network} in etcd has no journal`);
  return holding(deps, keys, signal, async () => {
    const { journal, revision } = await viewLog({ store: deps.store, keys });
    return copy({ ...journal, last: revision });
  });
}

/** What stands in a network that no server leads. */
async function standing(
  { store, network }: LeadDeps,
  keys: LogKeys,
): Promise<{ readonly head: Uint8Array | undefined }> {
  const { values } = await store.read(keys.ends).catch((error: unknown) => {
    throw journalErrorOf(error);
  });
  const leader = values.find(({ key }) => key === keys.leader);
  if (leader !== undefined && !isStray(leader)) {
    const { name } = decodeLeader(leader.value);
    const advice =
      'stop all servers of the network first; one that was killed counts until its --leader-ttl has passed';
    throw new JournalError('locked', `${name} leads network ${network}: ${advice}`);
  }
  return { head: values.find(({ key }) => key === keys.head)?.value };
}

async function holding<R>(
  deps: LeadDeps,
  keys: LogKeys,
  signal: AbortSignal | undefined,
  run: (lead: Lead, fence: AppendFence) => Promise<R>,
): Promise<R> {
  const { store, clock } = deps;
  try {
    const lead = await takeLead(deps, keys, signal);
    const fence = new AppendFence({ store, clock, leaderKey: keys.leader, term: lead.term, retried: () => {} });
    const giveUp = () => fence.close();
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      return await run(lead, fence);
    } finally {
      signal?.removeEventListener('abort', giveUp);
      fence.close();
      await lead.release();
    }
  } catch (error) {
    throw journalErrorOf(error);
  }
}

/** One copy into a network. */
class CopyIn {
  readonly #deps: LeadDeps;
  readonly #keys: LogKeys;
  readonly #lead: Lead;
  readonly #fence: AppendFence;
  readonly #signal: AbortSignal | undefined;

  constructor(deps: LeadDeps, keys: LogKeys, lead: Lead, fence: AppendFence, signal: AbortSignal | undefined) {
    this.#deps = deps;
    this.#keys = keys;
    this.#lead = lead;
    this.#fence = fence;
    this.#signal = signal;
  }

  async run(source: CopySource, progress: CopyProgress): Promise<Copied> {
    const { copying } = this.#keys;
    try {
      await this.#fence.write([{ kind: 'put', key: copying, value: new Uint8Array() }, ...this.#removal()]);
      const copied = await this.#copy(source, progress);
      return copied;
    } catch (error) {
      // Otherwise the next copy removes it, and until then no server takes the network for an empty one.
      await this.#fence.write([...this.#removal(), { kind: 'delete', range: { key: copying } }]).catch(() => undefined);
      throw error;
    }
  }

  async #copy(source: CopySource, progress: CopyProgress): Promise<Copied> {
    const written = await this.#writeBatches(source, progress);
    const marks: StoredMark[] = [];
    for (const revision of source.snapshots()) {
      this.#signal?.throwIfAborted();
      const attempt = attemptName(this.#lead.term, String(marks.length));
      const { chunks } = source.openSnapshot(revision);
      const writer = { ...this.#deps, fence: this.#fence, keys: this.#keys };
      const stored = await writeParts(writer, this.#keys.attempt(revision, attempt), chunks());
      marks.push({ revision, attempt, ...stored, seq: written.seqFor(revision) });
    }
    const logMarks = { marks, compacted: source.compacted, firstSeq: 1 };
    const place = { store: this.#deps.store, keys: this.#keys };
    const state = await replayWhole(journalUpTo(place, written.end, logMarks), INITIAL_LIMITS);
    const digest = stateDigest(state);
    const wanted = stateDigest(await replayWhole(source, INITIAL_LIMITS));
    if (digest !== wanted) {
      throw new JournalError('differs', `the copy comes to state ${digest}, and what was copied to ${wanted}`);
    }
    this.#signal?.throwIfAborted();
    await this.#finish(written.end, encodeMarks(logMarks));
    return { revision: state.revision, digest };
  }

  /** All records in batches, and where each began. */
  async #writeBatches(source: CopySource, progress: CopyProgress) {
    let end: LogEnd = { ...EMPTY_LOG, revision: source.compacted, format: Math.max(EMPTY_LOG.format, source.format) };
    const firsts: number[] = [];
    const write = async (records: readonly StoredRecord[]) => {
      this.#signal?.throwIfAborted();
      firsts.push(end.revision + 1);
      const next = extend(end, this.#lead.term, records);
      await this.#fence.write([{ kind: 'put', key: this.#keys.batch(next.end.seq), value: next.batch }]);
      end = next.end;
      progress(end.revision);
    };
    for await (const slice of inBatches(source.read(source.compacted))) await write(slice);
    // A log has one batch at least, as a term's first.
    if (firsts.length === 0) await write([]);
    const seqFor = (revision: number) => firsts.findLastIndex((first) => first <= revision + 1) + 1;
    return { end, seqFor };
  }

  /** From here on the copy is there, whole. */
  async #finish(end: LogEnd, marks: Uint8Array): Promise<void> {
    const { head, marks: marksKey, copying, leader } = this.#keys;
    const { term } = this.#lead;
    const value = encodeHead(end, term);
    const { succeeded, found } = await this.#fence.settle({
      compare: [
        { key: leader, target: 'created', revision: term },
        { key: head, target: 'created', revision: 0n },
      ],
      success: [
        { kind: 'put', key: head, value },
        { kind: 'put', key: marksKey, value: marks },
        { kind: 'delete', range: { key: copying } },
      ],
      failure: [{ kind: 'read', range: { key: head } }],
    });
    const [now] = found[0] ?? [];
    if (succeeded || (now !== undefined && Buffer.compare(now.value, value) === 0)) return;
    throw this.#fence.deposed();
  }

  #removal(): Operation[] {
    const { batches, snapshots, marks } = this.#keys;
    return [batches, snapshots, { key: marks }].map((range) => ({ kind: 'delete', range }));
  }
}

/** Records as many at a time as one append takes. */
async function* inBatches(slices: AsyncIterable<Iterable<StoredRecord>>): AsyncGenerator<readonly StoredRecord[]> {
  let batch: StoredRecord[] = [];
  let bytes = 0;
  for await (const slice of slices) {
    for (const { revision, bytes: record } of slice) {
      batch.push({ revision, bytes: record });
      bytes += record.length;
      if (bytes < APPEND_BYTES_MAX && batch.length < BATCH_RECORDS_MAX) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
}
