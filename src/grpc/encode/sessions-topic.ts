import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { type SessionChange, WatchSessionsResponse } from '../../../gen/switchyard/v1/session_service.js';
import type { Position } from '../../core/model/position.js';
import type { Session } from '../../core/model/session.js';
import { flavorOfSid, typeOfSid } from '../../core/store/sid.js';
import type { Capture } from '../../core/store/snapshot.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Topic } from '../../feed/topic.js';
import { lengthTag, varintTag } from '../../protowire/tag.js';
import type { SessionEvent } from '../../replica/session-events.js';
import { bytesOf } from './bytes.js';
import { writeClosed } from './closed-topic.js';
import { committedAtOf, positionMessage, sessionMessage } from './message.js';
import { sessionSize } from './size.js';
import { beginDelta, writeLabels, writePosition, deltaWriter as writer, writeTime } from './wire-fields.js';

/** Bytes of sessions in one snapshot message: a millisecond or two of encoding. */
const CHUNK_BYTES = 65_536;
/** Of an event that has no session with it, but for its name. */
const EVENT_BYTES_MAX = 2_048;

/** The fields of a WatchSessionsResponse. */
const RESPONSE_TAG = { position: lengthTag(1), kind: varintTag(2), changes: lengthTag(3) } as const;

/** The fields of a SessionChange, by what happened; of an attachment's events, the session is field 1, as of a Session. */
const CHANGE_TAG = {
  SessionOpened: lengthTag(1),
  SessionAttached: lengthTag(2),
  SessionDetached: lengthTag(3),
  SessionClosed: lengthTag(4),
} as const;

/** The fields of a Session. */
const SESSION_TAG = {
  cvid: varintTag(1),
  instanceUuid: lengthTag(2),
  instanceType: varintTag(3),
  instanceFlavor: varintTag(4),
  name: lengthTag(5),
  labels: lengthTag(6),
  ttl: lengthTag(7),
  openedAt: lengthTag(8),
  openedPosition: lengthTag(10),
} as const;

/** WatchSessions as bytes. Whether a session is attached is not captured with the state: it is asked for when a part is encoded. */
export function sessionsTopic(state: StateView, isAttached: (sid: number) => boolean): Topic<SessionEvent> {
  return {
    name: 'sessions',
    encode: (position, events) => {
      beginDelta(RESPONSE_TAG, position, WatchKind.DELTA);
      for (const event of events) writeEvent(event, state);
      return writer.finish();
    },
    size: (events) => events.reduce((bytes, event) => bytes + sizeOf(event), 0),
    touches: (events) => events.map((event) => ({ a: sidOf(event), b: 0 })),
    filter,
    bookmark: (position, committedAtMs) => encode(WatchKind.BOOKMARK, position, [], committedAtMs),
    reset: (position) => encode(WatchKind.RESET, position),
    snapshot: {
      chunks: (taken) => chunks(taken, state.epoch, isAttached),
      end: (position) => encode(WatchKind.SNAPSHOT_END, position),
    },
  };
}

function encode(
  kind: WatchKind,
  position: Position,
  changes: SessionChange[] = [],
  committedAtMs?: number,
): Uint8Array {
  const committedAt = committedAtOf(committedAtMs);
  return bytesOf(WatchSessionsResponse, { position: positionMessage(position), kind, changes, committedAt });
}

/** A SessionChange, field 3 of its response. */
function writeEvent(event: SessionEvent, state: StateView): void {
  const change = writer.open(RESPONSE_TAG.changes);
  const start = writer.open(CHANGE_TAG[event.kind]);
  if (event.kind === 'SessionOpened') writeSession(event.session, state.epoch);
  else if (event.kind === 'SessionClosed') writeClosed(event, state.epoch, state.revision);
  else writer.number(SESSION_TAG.cvid, event.sid);
  writer.close(start);
  writer.close(change);
}

/** A Session that has no attachment yet, in the message that was begun. */
function writeSession(session: Session, epoch: string): void {
  const { sid, uuid, name, labels, ttlMs, openedAtMs, openedRevision } = session;
  writer.number(SESSION_TAG.cvid, sid);
  writer.text(SESSION_TAG.instanceUuid, uuid);
  writer.number(SESSION_TAG.instanceType, typeOfSid(sid));
  writer.number(SESSION_TAG.instanceFlavor, flavorOfSid(sid));
  writer.text(SESSION_TAG.name, name);
  writeLabels(SESSION_TAG.labels, labels);
  writeTime(SESSION_TAG.ttl, ttlMs);
  writeTime(SESSION_TAG.openedAt, openedAtMs);
  writePosition(SESSION_TAG.openedPosition, epoch, openedRevision);
}

function sidOf(event: SessionEvent): number {
  return 'session' in event ? event.session.sid : event.sid;
}

function sizeOf(event: SessionEvent): number {
  return event.kind === 'SessionOpened' ? sessionSize(event.session) : EVENT_BYTES_MAX;
}

function filter(bytes: Uint8Array, keeps: (sid: number) => boolean): Uint8Array | undefined {
  const message = WatchSessionsResponse.decode(bytes);
  const changes = message.changes.filter(({ kind }) => kind !== undefined && keeps(kind.value.cvid));
  return changes.length === 0 ? undefined : bytesOf(WatchSessionsResponse, { ...message, changes });
}

function* chunks(taken: Capture, epoch: string, isAttached: (sid: number) => boolean): Iterator<Uint8Array> {
  let changes: SessionChange[] = [];
  let bytes = 0;
  for (const session of taken.sessions) {
    changes.push({ kind: { $case: 'opened', value: sessionMessage(session, epoch, isAttached(session.sid)) } });
    bytes += sessionSize(session);
    if (bytes < CHUNK_BYTES) continue;
    yield encode(WatchKind.SNAPSHOT, taken.position, changes);
    changes = [];
    bytes = 0;
  }
  if (changes.length > 0) yield encode(WatchKind.SNAPSHOT, taken.position, changes);
}
