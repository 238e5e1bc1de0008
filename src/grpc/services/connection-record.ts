import type { CandidatePair, ConnectionRecord } from '../../../gen/switchyard/v1/connection.js';
import { WatchConnectionsResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Connection } from '../../core/model/connection.js';
import { Fault } from '../../core/model/fault.js';
import type { Caller } from '../caller.js';
import { bytesOf } from '../encode/bytes.js';
import { connectionRecordMessage } from '../encode/connection-message.js';
import type { Source } from '../pump.js';

/** Who reads a connection's trace. */
type Reader = Pick<Caller, 'sid' | 'may'>;

/** A connection's trace as its reader may see it: the addresses of its ends are for them, and for administrators. */
export function recordFor(connection: Connection, reader: Reader): ConnectionRecord {
  return asSeen(connectionRecordMessage(connection), reader);
}

/**
 * A watch of all connections as its reader may see them. Its messages are shared with readers who see more, and are written anew where
 * they tell what this one may not see; whether it may is asked for each, as that can change meanwhile.
 */
export function recordsFor(watching: Source<Uint8Array>, reader: Reader): Source<Uint8Array> {
  return {
    get isCostly() {
      return watching.isCostly === true;
    },
    next: () => {
      const bytes = watching.next();
      if (bytes === undefined || bytes === 'ended' || bytes instanceof Fault || maySeeAll(reader)) return bytes;
      const message = WatchConnectionsResponse.decode(bytes);
      if (message.connections.every((record) => isEnd(record, reader))) return bytes;
      const connections = message.connections.map((record) => asSeen(record, reader));
      return bytesOf(WatchConnectionsResponse, { ...message, connections });
    },
    onReady: (wake) => watching.onReady(wake),
    close: () => watching.close(),
  };
}

function asSeen(record: ConnectionRecord, reader: Reader): ConnectionRecord {
  return isEnd(record, reader) || maySeeAll(reader) ? record : withoutAddresses(record);
}

function isEnd({ callerCvid, peerCvid }: ConnectionRecord, { sid }: Reader): boolean {
  return sid !== undefined && (sid === callerCvid || sid === peerCvid);
}

/** Who may bind keys to any identity could be either end. */
function maySeeAll(reader: Reader): boolean {
  return reader.may('identity.manage');
}

function withoutAddresses(record: ConnectionRecord): ConnectionRecord {
  const attempts = record.attempts.map((attempt) => ({ ...attempt, pairs: attempt.pairs.map(outcomeOnly) }));
  return { ...record, callerCandidates: [], peerCandidates: [], listeningHost: '', attempts };
}

function outcomeOnly({ outcome }: CandidatePair): CandidatePair {
  return { local: undefined, remote: undefined, outcome };
}
