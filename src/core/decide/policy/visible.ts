import { isOver } from '../../model/connection.js';
import { LinkType, orderedLink } from '../../model/link.js';
import { isEndpoint } from '../../model/stream.js';
import type { StateView } from '../../store/state-view.js';

const TRANSPORTS = [LinkType.TRANSPORT_TCP, LinkType.TRANSPORT_UDP];

/** Whether a session is told of another that may not read the graph: it is the same, or they have a connection, a link or a stream. */
export function visiblePeer(state: StateView, own: number, sid: number): boolean {
  if (sid === own) return true;
  const { connections, streams, graph } = state;
  const isPeer = connections.of(own).some((one) => !isOver(one) && (one.caller.sid === sid || one.peer.sid === sid));
  if (isPeer || TRANSPORTS.some((link) => graph.hasLink(orderedLink(own, sid, link)))) return true;
  return streams.of(own).some((stream) => isEndpoint(stream, sid));
}
