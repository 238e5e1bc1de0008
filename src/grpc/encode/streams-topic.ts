import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { type StreamChange, WatchStreamsResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { type Change, type StreamStopped, stoppedIds } from '../../core/model/change.js';
import type { Position } from '../../core/model/position.js';
import type { Stream } from '../../core/model/stream.js';
import type { Capture } from '../../core/store/snapshot.js';
import type { Topic } from '../../feed/topic.js';
import type { Touch } from '../../feed/touches.js';
import { bytesOf } from './bytes.js';
import { positionMessage, streamMessage, streamStoppedMessage } from './message.js';
import { streamSize } from './size.js';

/** Bytes of streams in one snapshot message, by estimate: a millisecond or two of encoding. */
const CHUNK_BYTES = 131_072;

/** WatchStreams as bytes. Who may see a change is told by the ends of its stream. */
export const streamsTopic: Topic = {
  name: 'streams',
  encode: (position, changes) => {
    const encoded: StreamChange[] = [];
    for (const change of changes) addChanges(encoded, change, position.epoch);
    return encoded.length === 0 ? undefined : encode(WatchKind.DELTA, position, encoded);
  },
  touches: (changes) => {
    const touched: Touch[] = [];
    for (const change of changes) for (const sid of endsOf(change)) touched.push({ a: sid, b: 0 });
    return touched;
  },
  filter: (bytes, keeps) => {
    const message = WatchStreamsResponse.decode(bytes);
    const changes = message.changes.filter((change) => sidsOf(change).some(keeps));
    return changes.length === 0 ? undefined : bytesOf(WatchStreamsResponse, { ...message, changes });
  },
  bookmark: (position) => encode(WatchKind.BOOKMARK, position),
  reset: (position) => encode(WatchKind.RESET, position),
  snapshot: { chunks, end: (position) => encode(WatchKind.SNAPSHOT_END, position) },
};

function encode(kind: WatchKind, position: Position, changes: StreamChange[] = []): Uint8Array {
  return bytesOf(WatchStreamsResponse, { position: positionMessage(position), kind, changes });
}

function addChanges(to: StreamChange[], change: Change, epoch: string): void {
  if (change.kind === 'StreamPut') to.push(put(change.stream, epoch));
  if (change.kind !== 'StreamStopped') return;
  for (const id of stoppedIds(change)) to.push(stop(change, id));
  if (change.after !== undefined) to.push(put(change.after, epoch));
}

function put(stream: Stream, epoch: string): StreamChange {
  return { kind: { $case: 'put', value: streamMessage(stream, epoch) }, cvids: [] };
}

function stop({ before, reason, by }: StreamStopped, id: number): StreamChange {
  return { kind: { $case: 'stopped', value: streamStoppedMessage(id, reason, by) }, cvids: ends(before) };
}

function endsOf(change: Change): number[] {
  if (change.kind === 'StreamPut') return ends(change.stream);
  return change.kind === 'StreamStopped' ? ends(change.before) : [];
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
