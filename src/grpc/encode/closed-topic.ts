import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { WatchEndpointClosedResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Change, SessionClosed } from '../../core/model/change.js';
import type { Position } from '../../core/model/position.js';
import type { CloseReason, Session } from '../../core/model/session.js';
import type { Topic } from '../../feed/topic.js';
import { lengthTag, varintTag } from '../../protowire/tag.js';
import { bytesOf } from './bytes.js';
import { committedAtOf, positionMessage, positionOf } from './message.js';
import { writePosition, deltaWriter as writer } from './wire-fields.js';

/** Bytes of one session's end: its name has at most 1,024, whatever the options are. */
const CLOSED_BYTES_MAX = 2_048;

/** The fields of a WatchEndpointClosedResponse. */
const RESPONSE_TAG = { endpointClosed: lengthTag(1), position: lengthTag(10), kind: varintTag(11) } as const;

/** The fields of an EndpointClosed. */
const CLOSED_TAG = {
  cvid: varintTag(1),
  reason: varintTag(10),
  position: lengthTag(11),
  instanceUuid: lengthTag(12),
  name: lengthTag(13),
} as const;

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
    writer.clear();
    const start = writer.open(RESPONSE_TAG.endpointClosed);
    writeClosed(closed, position.epoch, position.revision);
    writer.close(start);
    writePosition(RESPONSE_TAG.position, position.epoch, position.revision);
    writer.number(RESPONSE_TAG.kind, WatchKind.DELTA);
    return writer.finish();
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

/** Writes an EndpointClosed, in the message that was begun. */
export function writeClosed({ session, reason }: SessionClosed, epoch: string, revision: number): void {
  writer.number(CLOSED_TAG.cvid, session.sid);
  writer.number(CLOSED_TAG.reason, reason);
  writePosition(CLOSED_TAG.position, epoch, revision);
  writer.text(CLOSED_TAG.instanceUuid, session.uuid);
  writer.text(CLOSED_TAG.name, session.name);
}

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
