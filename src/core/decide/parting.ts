import type { Change } from '../model/change.js';
import type { ExpireConnection } from '../model/command.js';
import {
  type Connection,
  type ConnectionEvent,
  connectionName,
  isOver,
  isPending,
  nextState,
  otherEnd,
} from '../model/connection.js';
import type { Reason } from '../model/fault.js';
import { type LinkType, orderedLink } from '../model/link.js';
import type { Order } from '../model/order.js';
import type { CloseReason } from '../model/session.js';
import { StopReason, type Stream } from '../model/stream.js';
import type { State } from '../store/state.js';
import type { StateView } from '../store/state-view.js';

/** How a connection ends, and what both ends are told. */
export interface Parting {
  readonly event: ConnectionEvent;
  readonly reason: Reason;
  readonly description: string;
}

/**
 * Ends a connection and everything that hung on it: orders, relayed streams, reports of its link, the link itself.
 *
 * A link that another connection of the same two ends carries too stays.
 */
export function endConnection(state: State, connection: Connection, parting: Parting): Change[] {
  const over = parted(connection, parting);
  if (over === undefined) return [];
  return [
    ...settleOrders(state, connection, parting),
    ...stopRelay(state, connection),
    ...(isCarriedElsewhere(state, connection) ? [] : dropLink(state, connection)),
    { kind: 'ConnectionPut', connection: over },
  ];
}

/**
 * The connections of a session that ends, but for those with sessions that are gone already. Its streams, links and own orders go with
 * it by themselves.
 */
export function leaveConnections(
  state: State,
  sid: number,
  reason: CloseReason,
  gone: ReadonlySet<number> = new Set(),
): Change[] {
  return state.connections.of(sid).flatMap((connection): Change[] => {
    if (gone.has(otherEnd(connection, sid))) return [];
    const description = `session ${sid} ${LEFT[reason]}`;
    const parting: Parting = { event: 'left', reason: 'PEER_LEFT', description };
    const over = parted(connection, parting);
    if (over === undefined) return [];
    const other = ordersOf(state, connection, otherEnd(connection, sid));
    return [...other.map((order) => settled(order, parting)), { kind: 'ConnectionPut', connection: over }];
  });
}

/** Ends a connection that has been in the making for too long. */
export function expireConnection(state: State, { id }: ExpireConnection): Change[] {
  const connection = state.connections.get(id);
  if (connection === undefined || !isPending(connection)) return [];
  const description = `${connectionName(id)} was not made in time`;
  return endConnection(state, connection, { event: 'expired', reason: 'ORDER_DEADLINE', description });
}

/** The streams of a connection stop: it is over, or has found a direct path. */
export function stopRelay(state: State, connection: Connection): Change[] {
  return relayStreams(state, connection).map((before) => {
    return { kind: 'StreamStopped', before, after: undefined, reason: StopReason.STOPPED, by: 0 };
  });
}

/** The streams that a connection has: two, one, or none. */
export function relayStreams(state: State, { relay }: Connection): Stream[] {
  if (relay === undefined) return [];
  return [relay.fromCaller.streamId, relay.fromPeer.streamId].flatMap((id) => state.streams.get(id) ?? []);
}

/** Takes back the reports of the link that wait for the other end's. */
export function dropReports(state: State, { caller, peer, link }: Connection): Change[] {
  return [
    { sid: caller.sid, peer: peer.sid, link },
    { sid: peer.sid, peer: caller.sid, link },
  ]
    .filter((report) => state.reports.has(report))
    .map((report) => ({ kind: 'LinkReportSettled', report }));
}

function dropLink(state: State, connection: Connection): Change[] {
  const { caller, peer, link: type } = connection;
  const link = orderedLink(caller.sid, peer.sid, type);
  const removed: Change[] = state.graph.hasLink(link) ? [{ kind: 'LinkRemoved', link }] : [];
  return [...dropReports(state, connection), ...removed];
}

const LEFT: Record<CloseReason, string> = {
  1: 'was superseded by a newer session of its instance',
  2: 'was terminated',
  3: 'has expired',
  4: 'was lost with its server',
  5: 'was revoked',
};

function parted(connection: Connection, { event, reason, description }: Parting): Connection | undefined {
  const next = nextState(connection.state, event);
  return next && { ...connection, state: next, reason, description };
}

function settleOrders(state: State, connection: Connection, parting: Parting): Change[] {
  return [connection.caller.sid, connection.peer.sid].flatMap((sid) =>
    ordersOf(state, connection, sid).map((order) => settled(order, parting)),
  );
}

function settled(order: Order, { reason, description }: Parting): Change {
  return { kind: 'OrderSettled', order, code: reason, description };
}

/** The orders of a session that are about a connection. */
function ordersOf(state: State, { id }: Connection, sid: number): Order[] {
  return state.orders.of(sid).filter(({ body }) => body.kind === 'connection' && body.connection === id);
}

/** Whether another connection of the same two ends has, or is about to have, the same link. */
function isCarriedElsewhere(state: State, { id, caller, peer, link }: Connection): boolean {
  return connectionsBetween(state, caller.sid, peer.sid, link).some(
    (one) => one.id !== id && !isOver(one) && one.path !== 0,
  );
}

/** The connections between two sessions, whoever asked, by the order they were asked for. */
export function connectionsBetween(state: StateView, one: number, other: number, link: LinkType): Connection[] {
  return state.connections.of(one).filter((connection) => {
    return connection.link === link && otherEnd(connection, one) === other;
  });
}
