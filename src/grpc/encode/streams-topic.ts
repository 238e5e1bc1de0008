import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { type StreamChange, WatchStreamsResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { type Change, type StreamStopped, stoppedIds } from '../../core/model/change.js';
import type { Position } from '../../core/model/position.js';
import type { Stream, StreamParams } from '../../core/model/stream.js';
import type { Capture } from '../../core/store/snapshot.js';
import type { Topic } from '../../feed/topic.js';
import type { Touch } from '../../feed/touches.js';
import { lengthTag, varintTag } from '../../protowire/tag.js';
import { bytesOf } from './bytes.js';
import { committedAtOf, positionMessage, streamMessage } from './message.js';
import { streamSize } from './size.js';
import {
  beginDelta,
  writeLabels,
  writeNumbers,
  writePosition,
  deltaWriter as writer,
  writeTime,
} from './wire-fields.js';

/** Bytes of streams in one snapshot message, by estimate: a millisecond or two of encoding. */
const CHUNK_BYTES = 131_072;

/*
 * At most so many bytes of one change: an id, a reason, a session or a position, and the tags. Its SIDs and ids are added.
 */
const CHANGE_BYTES_MAX = 80;
const SID_BYTES_MAX = 5;

/** The fields of a WatchStreamsResponse. */
const RESPONSE_TAG = { position: lengthTag(1), kind: varintTag(2), changes: lengthTag(3) } as const;

/** The fields of a StreamChange. */
const CHANGE_TAG = {
  put: lengthTag(1),
  stopped: lengthTag(2),
  cvids: lengthTag(3),
  branchesLost: lengthTag(4),
} as const;

/** The fields of a Stream. */
const STREAM_TAG = {
  id: varintTag(1),
  ownerCvid: varintTag(2),
  sourceCvid: varintTag(3),
  sinks: lengthTag(4),
  params: lengthTag(5),
  position: lengthTag(6),
} as const;

/** The fields of a StreamSink. */
const SINK_TAG = { cvid: varintTag(1), id: varintTag(2) } as const;

/** The fields of StreamParams. */
const PARAMS_TAG = {
  name: lengthTag(1),
  timeout: lengthTag(2),
  maxBlockBytes: varintTag(3),
  compression: varintTag(4),
  deliveryConfirmation: varintTag(5),
  labels: lengthTag(6),
} as const;

/** The fields of a StreamStopped. */
const STOPPED_TAG = { id: varintTag(1), reason: varintTag(2), by: varintTag(3) } as const;

/** The fields of BranchesLost. */
const LOST_TAG = { id: varintTag(1), sinkIds: lengthTag(2), position: lengthTag(3) } as const;

/** WatchStreams as bytes. Who may see a change is told by the ends of its stream. */
export const streamsTopic: Topic = {
  name: 'streams',
  encode: (position, changes) => {
    if (!changes.some(isOfStreams)) return undefined;
    beginDelta(RESPONSE_TAG, position, WatchKind.DELTA);
    for (const change of changes) {
      if (change.kind === 'StreamPut') writePut(change.stream, position.epoch);
      else if (change.kind === 'StreamStopped') writeStops(change, position.epoch);
    }
    return writer.finish();
  },
  size,
  touches,
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

function isOfStreams({ kind }: Change): boolean {
  return kind === 'StreamPut' || kind === 'StreamStopped';
}

/** A StreamChange with a stream that came or changed. */
function writePut({ id, owner, sinks, params, revision }: Stream, epoch: string): void {
  const change = writer.open(RESPONSE_TAG.changes);
  const stream = writer.open(CHANGE_TAG.put);
  writer.number(STREAM_TAG.id, id);
  writer.number(STREAM_TAG.ownerCvid, owner);
  writer.number(STREAM_TAG.sourceCvid, owner);
  for (const sink of sinks) {
    const start = writer.open(STREAM_TAG.sinks);
    writer.number(SINK_TAG.cvid, sink.sid);
    writer.number(SINK_TAG.id, sink.id);
    writer.close(start);
  }
  writeParams(params);
  writePosition(STREAM_TAG.position, epoch, revision);
  writer.close(stream);
  writer.close(change);
}

function writeParams(params: StreamParams): void {
  const start = writer.open(STREAM_TAG.params);
  writer.text(PARAMS_TAG.name, params.name);
  if (params.timeoutMs !== 0) writeTime(PARAMS_TAG.timeout, params.timeoutMs);
  writer.number(PARAMS_TAG.maxBlockBytes, params.maxBlockBytes);
  writer.number(PARAMS_TAG.compression, params.compression);
  writer.number(PARAMS_TAG.deliveryConfirmation, params.deliveryConfirmation ? 1 : 0);
  writeLabels(PARAMS_TAG.labels, params.labels);
  writer.close(start);
}

/** A StreamChange for the stream or each branch that has stopped, and one for all branches that a stream has lost. */
function writeStops(stopped: StreamStopped, epoch: string): void {
  const { before, after } = stopped;
  const ids = stoppedIds(stopped);
  const everybody = ends(before);
  for (const id of ids) {
    const sink = after === undefined ? before.sinks.find((one) => one.id === id) : undefined;
    // A stream that stops as a whole may have many branches: to tell each to all would take the square of their number.
    const cvids = sink === undefined ? everybody : [before.owner, sink.sid].sort((x, y) => x - y);
    writeStop(id, stopped, cvids);
  }
  if (after === undefined) return;
  const change = writer.open(RESPONSE_TAG.changes);
  const lost = writer.open(CHANGE_TAG.branchesLost);
  writer.number(LOST_TAG.id, before.id);
  writeNumbers(LOST_TAG.sinkIds, ids);
  writePosition(LOST_TAG.position, epoch, after.revision);
  writer.close(lost);
  writeNumbers(CHANGE_TAG.cvids, everybody);
  writer.close(change);
}

function writeStop(id: number, { reason, by }: StreamStopped, cvids: readonly number[]): void {
  const change = writer.open(RESPONSE_TAG.changes);
  const start = writer.open(CHANGE_TAG.stopped);
  writer.number(STOPPED_TAG.id, id);
  writer.number(STOPPED_TAG.reason, reason);
  writer.number(STOPPED_TAG.by, by);
  writer.close(start);
  writeNumbers(CHANGE_TAG.cvids, cvids);
  writer.close(change);
}

function put(stream: Stream, epoch: string): StreamChange {
  return { kind: { $case: 'put', value: streamMessage(stream, epoch) }, cvids: [] };
}

/** Each end once, whatever happened to its streams. */
function touches(changes: readonly Change[]): Touch[] {
  const sids: number[] = [];
  for (const change of changes) {
    if (change.kind !== 'StreamPut' && change.kind !== 'StreamStopped') continue;
    const { owner, sinks } = change.kind === 'StreamPut' ? change.stream : change.before;
    sids.push(owner);
    for (const { sid } of sinks) sids.push(sid);
  }
  return distinct(sids).map((a) => ({ a, b: 0 }));
}

/** Of two, as of a session that takes another's place, a comparison says it. */
function distinct(sids: number[]): number[] {
  if (sids.length < 2 || (sids.length === 2 && sids[0] !== sids[1])) return sids;
  return [...new Set(sids)];
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
