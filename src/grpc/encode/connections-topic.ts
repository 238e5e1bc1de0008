import type { ConnectionRecord } from '../../../gen/switchyard/v1/connection.js';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { WatchConnectionsResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Change } from '../../core/model/change.js';
import type { Connection } from '../../core/model/connection.js';
import type { Position } from '../../core/model/position.js';
import type { Capture } from '../../core/store/snapshot.js';
import type { Topic } from '../../feed/topic.js';
import type { Touch } from '../../feed/touches.js';
import { bytesOf } from './bytes.js';
import { connectionRecordMessage } from './connection-message.js';
import { committedAtOf, positionMessage } from './message.js';
import { connectionSize } from './size.js';

/** Bytes of connections in one snapshot message: a millisecond or two of encoding. */
const CHUNK_BYTES = 65_536;

/** WatchConnections as bytes. Who may see a connection is told by its two ends. */
export const connectionsTopic: Topic = {
  name: 'connections',
  encode: (position, changes) => {
    const records = connectionsOf(changes).map(connectionRecordMessage);
    return records.length === 0 ? undefined : encode(WatchKind.DELTA, position, records);
  },
  size: (changes, bytesMax) => {
    let bytes = 0;
    for (const connection of connectionsOf(changes)) {
      bytes += connectionSize(connection);
      if (bytes > bytesMax) break;
    }
    return bytes;
  },
  touches: (changes) =>
    connectionsOf(changes).flatMap(({ caller, peer }): Touch[] => [
      { a: caller.sid, b: 0 },
      { a: peer.sid, b: 0 },
    ]),
  filter: (bytes, keeps) => {
    const message = WatchConnectionsResponse.decode(bytes);
    const connections = message.connections.filter(({ callerCvid, peerCvid }) => keeps(callerCvid) || keeps(peerCvid));
    return connections.length === 0 ? undefined : bytesOf(WatchConnectionsResponse, { ...message, connections });
  },
  bookmark: (position, committedAtMs) => encode(WatchKind.BOOKMARK, position, [], committedAtMs),
  reset: (position) => encode(WatchKind.RESET, position),
  snapshot: { chunks, end: (position) => encode(WatchKind.SNAPSHOT_END, position) },
};

function encode(
  kind: WatchKind,
  position: Position,
  connections: ConnectionRecord[] = [],
  committedAtMs?: number,
): Uint8Array {
  const committedAt = committedAtOf(committedAtMs);
  return bytesOf(WatchConnectionsResponse, { position: positionMessage(position), kind, connections, committedAt });
}

function connectionsOf(changes: readonly Change[]): Connection[] {
  const connections: Connection[] = [];
  for (const change of changes) if (change.kind === 'ConnectionPut') connections.push(change.connection);
  return connections;
}

function* chunks(taken: Capture): Iterator<Uint8Array> {
  let records: ConnectionRecord[] = [];
  let bytes = 0;
  for (const row of taken.rest) {
    if (row.kind !== 'connection') continue;
    records.push(connectionRecordMessage(row.connection));
    bytes += connectionSize(row.connection);
    if (bytes < CHUNK_BYTES) continue;
    yield encode(WatchKind.SNAPSHOT, taken.position, records);
    records = [];
    bytes = 0;
  }
  if (records.length > 0) yield encode(WatchKind.SNAPSHOT, taken.position, records);
}
