import type { Change, SessionClosed } from '../../core/model/change.js';
import type { Topic } from '../../feed/topic.js';
import { packetsOf } from '../../transport/pipe.js';
import { ByteWriter } from '../codec/bytes.js';
import { decodeEvent } from '../codec/event.js';
import { PACKET_HEADER_BYTES } from '../codec/packet.js';
import { writeEvent } from '../codec/send.js';

const NOTHING = new Uint8Array(0);

/** EndpointClosed as bytes: frames. It has no bookmarks: whoever wants to know where it stands watches the graph too. */
export function closedTopic(): Topic {
  const writer = new ByteWriter();
  return {
    name: 'system-closed',
    encode: (position, changes) => {
      const closed = closedOf(changes);
      if (closed === undefined) return undefined;
      const body = { cvid: closed.session.sid, reason: closed.reason, position };
      writeEvent(writer, { type: 'EndpointClosed', body });
      return writer.finish();
    },
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
