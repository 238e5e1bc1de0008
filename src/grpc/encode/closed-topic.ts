import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { WatchEndpointClosedResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Change, SessionClosed } from '../../core/model/change.js';
import type { Position } from '../../core/model/position.js';
import type { CloseReason, Session } from '../../core/model/session.js';
import type { Topic } from '../../feed/topic.js';
import { bytesOf } from './bytes.js';
import { committedAtOf, endpointClosedMessage, positionMessage, positionOf } from './message.js';

/** Bytes of one session's end: its name has at most 1,024, whatever the options are. */
const CLOSED_BYTES_MAX = 2_048;

/**
 * WatchEndpointClosed as bytes: a revision ends one session at most, and each end is a message of its own.
 *
 * Its endpoint is a single field, so these messages do not concatenate: the feed's messages must hold one revision each.
 */
export const closedTopic: Topic = {
  name: 'closed',
  encode: (position, changes) => {
    const closed = closedOf(changes);
    if (closed === undefined) return undefined;
    const endpointClosed = endpointClosedMessage(closed, position);
    const kind = WatchKind.DELTA;
    const message = { endpointClosed, position: positionMessage(position), kind, committedAt: undefined };
    return bytesOf(WatchEndpointClosedResponse, message);
  },
  size: () => CLOSED_BYTES_MAX,
  touches: (changes) => {
    const closed = closedOf(changes);
    return closed === undefined ? [] : [{ a: closed.session.sid, b: 0 }];
  },
  filter: (bytes, keeps) => {
    const { endpointClosed } = WatchEndpointClosedResponse.decode(bytes);
    return endpointClosed !== undefined && keeps(endpointClosed.cvid) ? bytes : undefined;
  },
  bookmark: (position, committedAtMs) => sign(WatchKind.BOOKMARK, position, committedAtMs),
  reset: (position) => sign(WatchKind.RESET, position),
};

/** One session's end, read from its message: what the feed of another door has to encode. */
export function readClosed(message: Uint8Array): {
  readonly position: Position;
  readonly session: Pick<Session, 'sid' | 'uuid' | 'name'>;
  readonly reason: CloseReason;
} {
  const { position, endpointClosed } = WatchEndpointClosedResponse.decode(message);
  if (endpointClosed === undefined) throw new Error('a log of ends holds something else');
  const { cvid: sid, instanceUuid: uuid, name, reason } = endpointClosed;
  return { position: positionOf(position), session: { sid, uuid, name }, reason: reason as number as CloseReason };
}

function closedOf(changes: readonly Change[]): SessionClosed | undefined {
  return changes.find((change) => change.kind === 'SessionClosed');
}

function sign(kind: WatchKind, position: Position, committedAtMs?: number): Uint8Array {
  const committedAt = committedAtOf(committedAtMs);
  const message = { endpointClosed: undefined, position: positionMessage(position), kind, committedAt };
  return bytesOf(WatchEndpointClosedResponse, message);
}
