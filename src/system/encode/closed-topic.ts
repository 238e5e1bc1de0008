import type { Change, SessionClosed } from '../../core/model/change.js';
import type { Position } from '../../core/model/position.js';
import type { CloseReason, Session } from '../../core/model/session.js';
import type { Topic } from '../../feed/topic.js';
import { packetsOf } from '../../transport/pipe.js';
import { ByteWriter } from '../codec/bytes.js';
import { decodeEvent } from '../codec/event.js';
import { PACKET_HEADER_BYTES } from '../codec/packet.js';
import { writeEvent } from '../codec/send.js';
import { closedBody } from './message.js';

/** Bytes of one session's end: its name has at most 1,024, whatever the options are. */
const CLOSED_BYTES_MAX = 2_048;

const NOTHING = new Uint8Array(0);

/** {@link Topic}, and how one end becomes bytes that was read from the history of another door. */
export interface ClosedTopic extends Topic {
  encodeEnd(
    position: Position,
    end: { readonly session: Pick<Session, 'sid' | 'uuid' | 'name'>; readonly reason: CloseReason },
  ): Uint8Array;
}

/** EndpointClosed as bytes: frames. It has no bookmarks: whoever wants to know where it stands watches the graph too. */
export function closedTopic(): ClosedTopic {
  const writer = new ByteWriter();
  const encodeEnd: ClosedTopic['encodeEnd'] = (position, { session, reason }) => {
    writeEvent(writer, { type: 'EndpointClosed', body: closedBody(session, reason, position) });
    return writer.finish();
  };
  return {
    name: 'system-closed',
    encode: (position, changes) => {
      const closed = closedOf(changes);
      return closed && encodeEnd(position, closed);
    },
    encodeEnd,
    size: () => CLOSED_BYTES_MAX,
    touches: (changes) => {
      const closed = closedOf(changes);
      return closed === undefined ? [] : [{ a: closed.session.sid, b: 0 }];
    },
    filter: (frames, keeps) => {
      const kept = [...packetsOf(frames)].filter((packet) => keeps(cvidOf(packet)));
      for (const packet of kept) {
        writer.u32(packet.length);
        writer.bytes(packet);
      }
      return kept.length === 0 ? undefined : writer.finish();
    },
    bookmark: () => NOTHING,
    reset: () => NOTHING,
  };
}

function closedOf(changes: readonly Change[]): SessionClosed | undefined {
  return changes.find((change) => change.kind === 'SessionClosed');
}

function cvidOf(packet: Uint8Array): number {
  const event = decodeEvent(packet.subarray(PACKET_HEADER_BYTES), 'client');
  if (!('type' in event) || event.type !== 'EndpointClosed') throw new Error('a log of ends holds something else');
  return event.body.cvid;
}
