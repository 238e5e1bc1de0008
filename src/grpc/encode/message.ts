import type { ConnectionPeer, RendezvousAddress } from '../../../gen/switchyard/v1/connection.js';
import type { Node, NodeAdded } from '../../../gen/switchyard/v1/network.js';
import type { Position as PositionMessage } from '../../../gen/switchyard/v1/position.js';
import type { Order, Session as SessionMessage, StreamStopped } from '../../../gen/switchyard/v1/session.js';
import type { StreamParams as ParamsMessage, Stream as StreamMessage } from '../../../gen/switchyard/v1/stream.js';
import { type Connection, connectionName, sideOf } from '../../core/model/connection.js';
import { REASONS } from '../../core/model/fault.js';
import type { Position } from '../../core/model/position.js';
import type { NetworkServer } from '../../core/model/server.js';
import type { Labels, Session } from '../../core/model/session.js';
import type { StopReason, Stream, StreamParams } from '../../core/model/stream.js';
import { flavorOfSid, typeOfSid } from '../../core/store/sid.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Message } from '../../replica/attachments.js';
import { connectionMessage } from './connection-message.js';
import { durationOf } from './duration.js';

/*
 * What the core knows, as messages. One function for each message, named after it; nothing here decides anything.
 */

/** Labels as messages want them, which are only read: a copy of each was a good part of encoding it. */
export function shown(labels: Labels): Record<string, string> {
  return labels;
}

/** A position. */
export function positionMessage({ epoch, revision }: Position): PositionMessage {
  return { epoch, revision: BigInt(revision) };
}

/** The position of a message of the server's own, which has one. */
export function positionOf(message: PositionMessage | undefined): Position {
  if (message === undefined) throw new Error('a message of a feed has no position');
  return { epoch: message.epoch, revision: Number(message.revision) };
}

/** When a position was committed, for a BOOKMARK. */
export function committedAtOf(committedAtMs: number | undefined): Date | undefined {
  return committedAtMs === undefined ? undefined : new Date(committedAtMs);
}

/** A session, as others may see it. */
export function sessionMessage(session: Session, epoch: string, attached: boolean): SessionMessage {
  const { sid, uuid, name, labels, ttlMs, openedAtMs, openedRevision } = session;
  return {
    cvid: sid,
    instanceUuid: uuid,
    instanceType: typeOfSid(sid),
    instanceFlavor: flavorOfSid(sid),
    name,
    labels: shown(labels),
    ttl: durationOf(ttlMs),
    openedAt: new Date(openedAtMs),
    attached,
    openedPosition: positionMessage({ epoch, revision: openedRevision }),
  };
}

/** A session's node, on its coming. `founder`: the server that it is at when it does not say another. */
export function nodeAddedMessage({ sid, uuid, name, labels, home = 0 }: Session, founder: number): NodeAdded {
  return { cvid: sid, parent: home === 0 ? founder : home, instanceUuid: uuid, name, labels: shown(labels) };
}

/** A server's node. */
export function serverAddedMessage({ sid, uuid, name }: Pick<NetworkServer, 'sid' | 'uuid' | 'name'>): NodeAdded {
  return { cvid: sid, parent: 0, instanceUuid: uuid, name, labels: {} };
}

/** A node with its links; undefined when it is not there. */
export function nodeMessage(state: StateView, sid: number): Node | undefined {
  const session = state.sessions.get(sid);
  const server = state.servers.get(sid);
  const added =
    session === undefined ? server && serverAddedMessage(server) : nodeAddedMessage(session, state.serverSid);
  if (added === undefined) return undefined;
  // A session has one link more than it may report: the one to its server.
  const isHub = state.graph.degree(sid) > state.limits.linksPerNodeMax + 1;
  const links = isHub ? [] : state.graph.linksOf(sid);
  return { ...added, links: links.map(({ a, b, link }) => ({ peerCvid: a === sid ? b : a, link })) };
}

/** How a stream behaves. */
export function paramsMessage(params: StreamParams): ParamsMessage {
  const { name, timeoutMs, maxBlockBytes, compression, deliveryConfirmation, labels } = params;
  return {
    name,
    timeout: timeoutMs === 0 ? undefined : durationOf(timeoutMs),
    maxBlockBytes,
    compression,
    deliveryConfirmation,
    labels: shown(labels),
  };
}

/** A stream. Its source is its owner. */
export function streamMessage({ id, owner, sinks, params, revision }: Stream, epoch: string): StreamMessage {
  return {
    id,
    ownerCvid: owner,
    sourceCvid: owner,
    sinks: sinks.map((sink) => ({ cvid: sink.sid, id: sink.id })),
    params: paramsMessage(params),
    position: positionMessage({ epoch, revision }),
  };
}

/** A stream's or branch's stop. */
export function streamStoppedMessage(id: number, reason: StopReason, by: number): StreamStopped {
  return { id, reason, by };
}

/** What orders say besides what the state knows. */
export interface OrderFacts {
  readonly rendezvous: readonly RendezvousAddress[];
  /** The `traceparent` of orders about a connection; empty: none. */
  traceOf(connection: Connection): string;
  /** Whom the session at the other end has proved to be, and where it is the caller what it may reach of `asked`. */
  verified(sid: number, asked?: number): ConnectionPeer | undefined;
}

/** What an attachment brings to a session. */
export function orderMessage(message: Message, { rendezvous, traceOf, verified }: OrderFacts): Order {
  switch (message.kind) {
    case 'heartbeat': {
      const value = { position: positionMessage(message.position), servers: [...(message.servers ?? [])] };
      return { orderId: '', kind: { $case: 'heartbeat', value } };
    }
    case 'streamStopped': {
      const value = streamStoppedMessage(message.id, message.reason, message.by);
      return { orderId: '', kind: { $case: 'streamStopped', value } };
    }
    case 'connectionEnded': {
      const { id, reason, description } = message.connection;
      const value = {
        connectionId: connectionName(id),
        reason: reason === undefined ? 0 : REASONS[reason],
        description,
      };
      return { orderId: '', kind: { $case: 'connectionEnded', value } };
    }
    case 'order': {
      const { id: orderId, sid, body } = message.order;
      if (body.kind === 'terminate') {
        return { orderId, kind: { $case: 'terminateSession', value: { reason: body.reason } } };
      }
      const connection = message.connection!;
      const side = sideOf(connection, sid);
      const facts = { traceparent: traceOf(connection), verified };
      const value = connectionMessage(connection, side, body.role, rendezvous, facts);
      return { orderId, kind: { $case: 'connection', value } };
    }
  }
}
