import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { JournalError } from '../../journal/journal.js';
import type { StoredMark } from './batch.js';
import { type AppendFence, journalErrorOf } from './fence.js';
import { type LogKeys, partOf } from './keys.js';
import { PIECE_BYTES_MAX, READ_KEYS_MIN, SNAPSHOT_BYTES_PER_SECOND } from './limits.js';
import type { SnapshotGuard } from './readers.js';
import type { EtcdStore, KeyRange, KeyValue } from './store.js';

/** Where the parts of snapshots are read. */
export interface PartsPlace {
  readonly store: EtcdStore;
  readonly keys: LogKeys;
}

/** Bytes of the digest over all parts. */
const DIGEST_BYTES = 16;

/** The parts of a snapshot in order. Throws a JournalError, `damaged`, when one is not there or they are not those that were written. */
export async function* readParts(place: PartsPlace, mark: StoredMark): AsyncGenerator<Uint8Array> {
  const { revision, digest } = mark;
  const hash = createHash('sha256');
  for await (const part of readJoined(place, mark)) {
    hash.update(part);
    yield part;
  }
  if (digest.length === 0 || Buffer.compare(hash.digest().subarray(0, DIGEST_BYTES), digest) === 0) return;
  throw new JournalError('damaged', `the parts of snapshot ${revision} are not those of one attempt`, { revision });
}

async function* readJoined(place: PartsPlace, { revision, attempt, parts }: StoredMark): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let part = 0;
  for await (const { key, value } of readPieces(place, place.keys.attempt(revision, attempt))) {
    const at = partOf(key);
    if (at !== part) {
      if (pieces.length === 0 || at !== part + 1) break;
      yield joined(pieces);
      pieces = [];
      part = at;
    }
    pieces.push(value);
  }
  if (pieces.length > 0) {
    yield joined(pieces);
    part++;
  }
  if (part === parts) return;
  throw new JournalError('damaged', `part ${part} of snapshot ${revision} is missing`, { revision });
}

/** What the parts of a snapshot are written with. */
export interface PartsWriter {
  readonly fence: Pick<AppendFence, 'write'>;
  readonly keys: LogKeys;
  readonly clock: Clock;
  /** Sees each part before it is written; absent where no server reads the log yet. */
  readonly guard?: Pick<SnapshotGuard, 'admit'>;
}

/** Writes the parts of an attempt, not too many at once. Resolves with what its mark says of them. */
export async function writeParts(
  { fence, keys, clock, guard }: PartsWriter,
  attempt: KeyRange,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Pick<StoredMark, 'parts' | 'bytes' | 'digest'>> {
  const hash = createHash('sha256');
  let [parts, bytes] = [0, 0];
  for await (const chunk of chunks) {
    await guard?.admit(chunk);
    hash.update(chunk);
    for (let from = 0, piece = 0; from === 0 || from < chunk.length; from += PIECE_BYTES_MAX, piece++) {
      const value = chunk.subarray(from, from + PIECE_BYTES_MAX);
      await fence.write([{ kind: 'put', key: keys.piece(attempt, parts, piece), value }]);
      const restMs = (value.length * 1_000) / SNAPSHOT_BYTES_PER_SECOND;
      await new Promise<void>((resolve) => clock.after(restMs, resolve));
    }
    bytes += chunk.length;
    parts++;
  }
  return { parts, bytes, digest: hash.digest().subarray(0, DIGEST_BYTES) };
}

async function* readPieces({ store }: PartsPlace, range: KeyRange): AsyncGenerator<KeyValue> {
  let { key } = range;
  for (;;) {
    try {
      const { values, more } = await store.read({ ...range, key, limit: READ_KEYS_MIN });
      yield* values;
      if (!more) return;
      key = `${values[values.length - 1].key}\0`;
    } catch (error) {
      throw journalErrorOf(error);
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}
