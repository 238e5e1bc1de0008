import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { type StreamChange, WatchStreamsResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { type Change, type StreamStopped, stoppedIds } from '../../core/model/change.js';
import type { Position } from '../../core/model/position.js';
import type { Stream } from '../../core/model/stream.js';
import type { Capture } from '../../core/store/snapshot.js';
import type { Topic } from '../../feed/topic.js';
import type { Touch } from '../../feed/touches.js';
import { bytesOf } from './bytes.js';
import { committedAtOf, positionMessage, streamMessage, streamStoppedMessage } from './message.js';
import { streamSize } from './size.js';

/** Bytes of streams in one snapshot message, by estimate: a millisecond or two of encoding. */
const CHUNK_BYTES = 131_072;

/*
 * At most so many bytes of one change: an id, a reason, a session or a position, and the tags. Its SIDs and ids are added.
 */
const CHANGE_BYTES_MAX = 80;
const SID_BYTES_MAX = 5;

/** WatchStreams as bytes. Who may see a change is told by the ends of its stream. */
export const streamsTopic: Topic = {
  name: 'streams',
  encode: (position, changes) => {
    const encoded: StreamChange[] = [];
    for (const change of changes) addChanges(encoded, change, position.epoch);
    return encoded.length === 0 ? undefined : encode(WatchKind.DELTA, position, encoded);
  },
  size,
  touches: (changes) => {
    const sids = new Set<number>();
    for (const change of changes) {
      if (change.kind === 'StreamPut') addEnds(sids, change.stream);
      else if (change.kind === 'StreamStopped') addEnds(sids, change.before);
    }
    return Array.from(sids, (a): Touch => ({ a, b: 0 }));
  },
  filter: (bytes, keeps) => {
    const message = WatchStreamsResponse.decode(bytes);
    const changes = message.changes.filter((change) => sidsOf(change).some(keeps));
    return changes.length === 0 ? undefined : bytesOf(WatchStreamsResponse, { ...message, changes });
  },
  bookmark: (position, committedAtMs) => encode(WatchKind.BOOKMARK, position, [], committedAtMs),
  reset: (position) => encode(WatchKind.RESET, position),
  snapshot: { chunks, end: (position) => encode(WatchKind.SNAPSHOT_END, position) },
};

function encode(kind: WatchKind, position: Position, changes: StreamChange[] = [], committedAtMs?: number): Uint8Array {
  const committedAt = committedAtOf(committedAtMs);
  return bytesOf(WatchStreamsResponse, { position: positionMessage(position), kind, changes, committedAt });
}

/** Bytes of a message with these changes, at most. It stops counting once they are more than `bytesMax`. */
function size(changes: readonly Change[], bytesMax: number): number {
  let bytes = 0;
  for (const change of changes) {
    if (change.kind === 'StreamPut') bytes += streamSize(change.stream);
    else if (change.kind === 'StreamStopped') bytes += stopSize(change);
    if (bytes > bytesMax) return bytes;
  }
  return bytes;
}

/** Of a stream that has stopped: itself to all of its ends and each branch to two. Of lost branches: each is told twice to all. */
function stopSize({ before, after }: StreamStopped): number {
  const endsCount = 1 + before.sinks.length;
  if (after === undefined) {
    return (
      endsCount * (CHANGE_BYTES_MAX + SID_BYTES_MAX) + before.sinks.length * (CHANGE_BYTES_MAX + 2 * SID_BYTES_MAX)
    );
  }
  const lostCount = before.sinks.length - after.sinks.length;
  return (1 + lostCount) * (CHANGE_BYTES_MAX + SID_BYTES_MAX * (endsCount + 1));
}

function addChanges(to: StreamChange[], change: Change, epoch: string): void {
  if (change.kind === 'StreamPut') to.push(put(change.stream, epoch));
  else if (change.kind === 'StreamStopped') addStop(to, change, epoch);
}

function addStop(to: StreamChange[], stopped: StreamStopped, epoch: string): void {
  const { before, after, reason, by } = stopped;
  const ids = stoppedIds(stopped);
  const everybody = ends(before);
  for (const id of ids) {
    const sink = after === undefined ? before.sinks.find((one) => one.id === id) : undefined;
    // A stream that stops as a whole may have many branches: to tell each to all would take the square of their number.
    const cvids = sink === undefined ? everybody : [before.owner, sink.sid].sort((x, y) => x - y);
    to.push({ kind: { $case: 'stopped', value: streamStoppedMessage(id, reason, by) }, cvids });
  }
  if (after === undefined) return;
  const lost = { id: before.id, sinkIds: ids, position: positionMessage({ epoch, revision: after.revision }) };
  to.push({ kind: { $case: 'branchesLost', value: lost }, cvids: everybody });
}

function put(stream: Stream, epoch: string): StreamChange {
  return { kind: { $case: 'put', value: streamMessage(stream, epoch) }, cvids: [] };
}

function addEnds(sids: Set<number>, { owner, sinks }: Stream): void {
  sids.add(owner);
  for (const { sid } of sinks) sids.add(sid);
}

function ends({ owner, sinks }: Stream): number[] {
  if (sinks.length === 0) return [owner];
  return [...new Set([owner, ...sinks.map((sink) => sink.sid)])].sort((x, y) => x - y);
}

function sidsOf({ kind, cvids }: StreamChange): number[] {
  if (kind?.$case !== 'put') return cvids;
  return [kind.value.ownerCvid, ...kind.value.sinks.map((sink) => sink.cvid)];
}

function* chunks(taken: Capture): Iterator<Uint8Array> {
  let changes: StreamChange[] = [];
  let bytes = 0;
  for (const stream of taken.streams) {
    changes.push(put(stream, taken.position.epoch));
    bytes += streamSize(stream);
    if (bytes < CHUNK_BYTES) continue;
    yield encode(WatchKind.SNAPSHOT, taken.position, changes);
    changes = [];
    bytes = 0;
  }
  if (changes.length > 0) yield encode(WatchKind.SNAPSHOT, taken.position, changes);
}
