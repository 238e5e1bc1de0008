import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { type SessionChange, WatchSessionsResponse } from '../../../gen/switchyard/v1/session_service.js';
import type { Position } from '../../core/model/position.js';
import type { Capture } from '../../core/store/snapshot.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Topic } from '../../feed/topic.js';
import type { SessionEvent } from '../../replica/session-events.js';
import { bytesOf } from './bytes.js';
import { committedAtOf, endpointClosedMessage, positionMessage, sessionMessage } from './message.js';
import { sessionSize } from './size.js';

/** Bytes of sessions in one snapshot message: a millisecond or two of encoding. */
const CHUNK_BYTES = 65_536;
/** Of an event that has no session with it, but for its name. */
const EVENT_BYTES_MAX = 2_048;

/** WatchSessions as bytes. Whether a session is attached is not captured with the state: it is asked for when a part is encoded. */
export function sessionsTopic(state: StateView, isAttached: (sid: number) => boolean): Topic<SessionEvent> {
  return {
    name: 'sessions',
    encode: (position, events) =>
      encode(
        WatchKind.DELTA,
        position,
        events.map((event) => changeOf(event, state)),
      ),
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

function changeOf(event: SessionEvent, state: StateView): SessionChange {
  switch (event.kind) {
    case 'SessionOpened':
      return { kind: { $case: 'opened', value: sessionMessage(event.session, state.epoch, false) } };
    case 'SessionClosed':
      return { kind: { $case: 'closed', value: endpointClosedMessage(event, state.position) } };
    case 'SessionAttached':
      return { kind: { $case: 'attached', value: { cvid: event.sid } } };
    case 'SessionDetached':
      return { kind: { $case: 'detached', value: { cvid: event.sid } } };
  }
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
