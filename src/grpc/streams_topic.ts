import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { type StreamChange, WatchStreamsResponse } from '../../gen/switchyard/v1/stream_service.js';
import { type Change, type Stream, type StreamStopped, stoppedIds } from '../core/change.js';
import type { Position } from '../core/position.js';
import type { Capture } from '../core/snapshot.js';
import type { Topic } from '../feed/topic.js';
import { positionMessage, streamMessage, streamStoppedMessage } from './message.js';
import { streamSize } from './size.js';

/** Bytes of streams in one snapshot message, by estimate: a millisecond or two of encoding. */
const CHUNK_BYTES = 131_072;

/** WatchStreams as bytes. Who may see a change is told by the ends of its stream. */
export const streamsTopic: Topic = {
  name: 'streams',
  encode: (position, changes) => {
    const encoded = changes.flatMap((change) => changesOf(change, position.epoch));
    return encoded.length === 0 ? undefined : encode(WatchKind.DELTA, position, encoded);
  },
  touches: (changes) => changes.flatMap(endsOf).map((sid) => ({ a: sid, b: 0 })),
  filter: (bytes, keeps) => {
    const message = WatchStreamsResponse.decode(bytes);
    const changes = message.changes.filter((change) => sidsOf(change).some(keeps));
    return changes.length === 0 ? undefined : WatchStreamsResponse.encode({ ...message, changes }).finish();
  },
  bookmark: (position) => encode(WatchKind.BOOKMARK, position),
  reset: (position) => encode(WatchKind.RESET, position),
  snapshot: { chunks, end: (position) => encode(WatchKind.SNAPSHOT_END, position) },
};

function encode(kind: WatchKind, position: Position, changes: StreamChange[] = []): Uint8Array {
  return WatchStreamsResponse.encode({ position: positionMessage(position), kind, changes }).finish();
}

function changesOf(change: Change, epoch: string): StreamChange[] {
  if (change.kind === 'StreamPut') return [put(change.stream, epoch)];
  if (change.kind !== 'StreamStopped') return [];
  const stopped = stoppedIds(change).map((id) => stop(change, id));
  return change.after === undefined ? stopped : [...stopped, put(change.after, epoch)];
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
