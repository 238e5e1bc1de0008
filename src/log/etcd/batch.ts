import { createHash } from 'node:crypto';
import { Batch, Head, Leader, Marks, Snapshotter } from '../../../gen/switchyard/journal/v1/log.js';
import { Format, FrameKind, NEW_FOLDER_FORMAT, seal, unseal } from '../../journal/format/frame.js';
import { JournalError, type StoredRecord } from '../../journal/journal.js';
import type { KnownNumbers } from '../../journal/readers.js';
import { formatWith } from '../../journal/sequence.js';
import type { Told } from '../shared-log.js';

/** Bytes of a chain. */
const CHAIN_BYTES = 16;
/** A frame's head: the content is behind it. */
const FRAME_HEAD_BYTES = 6;
/** What has no place in a sequence. */
const NOWHERE = { revision: 0, part: 0 };

/** Where a log ends, as a leader knows it. */
export interface LogEnd {
  readonly seq: number;
  readonly revision: number;
  readonly chain: Uint8Array;
  readonly format: number;
}

/** A batch as it was read. */
export interface ReadBatch {
  readonly term: bigint;
  readonly seq: number;
  readonly chain: Uint8Array;
  readonly firstRevision: number;
  readonly records: readonly StoredRecord[];
  /** What the leader has published before it; absent where it did not say so. */
  readonly told?: Told | undefined;
}

/** A snapshot that is whole. */
export interface StoredMark {
  readonly revision: number;
  readonly seq: number;
  readonly attempt: string;
  readonly parts: number;
  /** Bytes of all parts; 0: unknown. */
  readonly bytes: number;
  /** By which the parts are known for those of this attempt; empty: unknown. */
  readonly digest: Uint8Array;
}

/** Which snapshots there are, and from where the log counts. */
export interface LogMarks {
  readonly marks: readonly StoredMark[];
  readonly compacted: number;
  readonly firstSeq: number;
}

/** A log in which nothing was ever written. */
export const EMPTY_LOG: LogEnd = {
  seq: 0,
  revision: 0,
  chain: new Uint8Array(CHAIN_BYTES),
  format: NEW_FOLDER_FORMAT,
};

/** The end of a log with a batch of these records behind it, and that batch as it is stored. */
export function extend(
  end: LogEnd,
  term: bigint,
  records: readonly StoredRecord[],
  told?: Told,
): { readonly end: LogEnd; readonly batch: Uint8Array } {
  const seq = end.seq + 1;
  const chain = chainOf(end.chain, term, seq, records);
  const content = Batch.encode({
    term,
    seq: BigInt(seq),
    firstRevision: BigInt(end.revision + 1),
    chain: bufferOf(chain),
    entries: records.map(({ bytes, tag = 0n }) => ({ record: bufferOf(bytes), tag })),
    told: told?.sum,
    feedVersion: told?.version ?? 0,
    toldFrom: BigInt(told?.from ?? 0),
  }).finish();
  const format = formatWith(end.format, records);
  return {
    end: { seq, revision: end.revision + records.length, chain, format },
    batch: seal(FrameKind.BATCH, { revision: seq, part: 0 }, content, formatWith(Format.LIMITS, records)),
  };
}

/**
 * A batch as it was stored at its seq. Throws a JournalError, `damaged` or `version`, with the revision of the first record
 * that cannot be used; `whole` are the records before that one, which their own checksums vouch for.
 */
export function decodeBatch(bytes: Uint8Array, seq: number): ReadBatch {
  const what = `batch ${seq}`;
  let content: Uint8Array;
  try {
    content = unseal(FrameKind.BATCH, { revision: seq, part: 0 }, bytes, what);
  } catch (error) {
    if (!(error instanceof JournalError) || error.kind !== 'damaged') throw error;
    throw new DamagedBatch(`${what} is damaged: its checksum is wrong`, salvage(bytes));
  }
  const batch = Batch.decode(content);
  const firstRevision = Number(batch.firstRevision);
  const records = batch.entries.map(({ record, tag }, at) => {
    const stored = { revision: firstRevision + at, bytes: record };
    return tag === 0n ? stored : { ...stored, tag };
  });
  const { told: sum, feedVersion: version, toldFrom } = batch;
  const told = sum === undefined ? undefined : { sum, version, from: Number(toldFrom) };
  return { term: batch.term, seq, chain: batch.chain, firstRevision, records, told };
}

/** A batch whose checksum is wrong, with what is whole of it. */
export class DamagedBatch extends JournalError {
  constructor(
    message: string,
    /** The records before the damage. */
    readonly whole: readonly StoredRecord[],
  ) {
    super('damaged', message);
    this.name = 'DamagedBatch';
  }
}

/** Checks that a batch follows one with this chain. Throws a JournalError, `damaged`. */
export function checkChain(before: Uint8Array, { term, seq, chain, firstRevision, records }: ReadBatch): void {
  if (Buffer.compare(chainOf(before, term, seq, records), chain) === 0) return;
  const message = `batch ${seq} does not follow the batch before it: they are of two histories`;
  throw new JournalError('damaged', message, { revision: firstRevision });
}

/** The head of a log as it is stored. */
export function encodeHead({ seq, revision, chain, format }: LogEnd, term: bigint): Uint8Array {
  const message = { seq: BigInt(seq), revision: BigInt(revision), term, chain: bufferOf(chain), format };
  return seal(FrameKind.LOG_HEAD, NOWHERE, Head.encode(message).finish(), format);
}

/** Where a log ends by its stored head. Throws a JournalError, `damaged` or `version`. */
export function decodeHead(bytes: Uint8Array): LogEnd {
  const head = Head.decode(unseal(FrameKind.LOG_HEAD, NOWHERE, bytes, "the log's head"));
  return { seq: Number(head.seq), revision: Number(head.revision), chain: head.chain, format: head.format };
}

/** Who leads, as it is stored; who has a name, with what it knows. */
export function encodeLeader(
  name: string,
  incarnation: Uint8Array,
  peerAddress = '',
  { formatMax, rulesMax }: KnownNumbers = { formatMax: 0, rulesMax: 0 },
): Uint8Array {
  const message = Leader.encode({ name, incarnation: bufferOf(incarnation), peerAddress, formatMax, rulesMax });
  return seal(FrameKind.LOG_LEADER, NOWHERE, message.finish(), Format.LIMITS);
}

/** Who leads. Throws a JournalError, `damaged` or `version`. */
export function decodeLeader(bytes: Uint8Array): Leader {
  return Leader.decode(unseal(FrameKind.LOG_LEADER, NOWHERE, bytes, "the log's leader"));
}

/** Who stores a snapshot, as it is stored. */
export function encodeSnapshotter(name: string, incarnation: Uint8Array): Uint8Array {
  const message = Snapshotter.encode({ name, incarnation: bufferOf(incarnation) }).finish();
  return seal(FrameKind.LOG_SNAPSHOTTER, NOWHERE, message, Format.LIMITS);
}

/** The marks of a log as they are stored. */
export function encodeMarks({ marks, compacted, firstSeq }: LogMarks): Uint8Array {
  const message = Marks.encode({
    marks: marks.map(({ revision, seq, bytes, digest, ...rest }) => ({
      ...{ revision: BigInt(revision), seq: BigInt(seq), bytes: BigInt(bytes), digest: bufferOf(digest) },
      ...rest,
    })),
    compacted: BigInt(compacted),
    firstSeq: BigInt(firstSeq),
  }).finish();
  return seal(FrameKind.LOG_MARKS, NOWHERE, message, Format.LIMITS);
}

/** The marks of a log; without bytes, of one that has no snapshot. Throws a JournalError, `damaged` or `version`. */
export function decodeMarks(bytes: Uint8Array | undefined): LogMarks {
  if (bytes === undefined) return { marks: [], compacted: 0, firstSeq: 1 };
  const { marks, compacted, firstSeq } = Marks.decode(unseal(FrameKind.LOG_MARKS, NOWHERE, bytes, "the log's marks"));
  return {
    marks: marks.map(({ revision, seq, bytes, attempt, parts, digest }) => ({
      ...{ revision: Number(revision), seq: Number(seq), bytes: Number(bytes) },
      ...{ attempt, parts, digest },
    })),
    compacted: Number(compacted),
    firstSeq: Math.max(1, Number(firstSeq)),
  };
}

/** As log.proto says it. */
function chainOf(before: Uint8Array, term: bigint, seq: number, records: readonly StoredRecord[]): Uint8Array {
  const hash = createHash('sha256').update(before);
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(term);
  numbers.writeBigUInt64BE(BigInt(seq), 8);
  hash.update(numbers);
  const length = Buffer.alloc(4);
  for (const { bytes } of records) {
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest().subarray(0, CHAIN_BYTES);
}

/** The records of a damaged batch that stand before the damage. */
function salvage(bytes: Uint8Array): StoredRecord[] {
  const whole: StoredRecord[] = [];
  try {
    const { firstRevision, entries } = Batch.decode(bytes.subarray(FRAME_HEAD_BYTES));
    for (const { record } of entries) {
      const revision = Number(firstRevision) + whole.length;
      unseal(FrameKind.RECORD, { revision, part: 0 }, record, `record ${revision}`);
      whole.push({ revision, bytes: record });
    }
  } catch {
    // What cannot be read is where the damage is.
  }
  return whole;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
