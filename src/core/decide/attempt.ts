import type { Change } from '../model/change.js';
import type { AnswerAttempt, Drawn } from '../model/command.js';
import {
  type Attempt,
  type Connection,
  type ConnectionEvent,
  type ConnectionRelay,
  ConnectionRole,
  ConnectionState,
  connectionName,
  Fallback,
  PathKind,
  relayVersionOf,
  sideOf,
  stepped,
} from '../model/connection.js';
import { CONNECTION_TIMES } from '../model/connection-times.js';
import { Fault } from '../model/fault.js';
import type { Order } from '../model/order.js';
import { DEFAULT_STREAM_PARAMS, type Stream } from '../model/stream.js';
import type { State } from '../store/state.js';
import { answered, connectionOf, orderBody, orderOf, placeOrder } from './order-book.js';
import { dropReports, endConnection, relayStreams, stopRelay } from './parting.js';
import { fullOfStreams } from './stream.js';

/** Orders both ends to begin the next attempt. */
export function startAttempt(state: State, connection: Connection, drawn: Drawn, revision: number): Change[] {
  const { nonce, atMs: startedAtMs } = drawn;
  const number = (connection.attempts.at(-1)?.number ?? 0) + 1;
  const attempt: Attempt = { number, startedAtMs, nonce, caller: undefined, peer: undefined };
  const attempts = [...connection.attempts, attempt].slice(-state.limits.attemptsPerConnectionMax);
  const started = stepped(connection, 'started', { attempts });
  const { PUNCH_CONTROLLING, PUNCH_CONTROLLED } = ConnectionRole;
  const order = (sid: number, role: ConnectionRole) => {
    return { sid, deadlineMs: state.limits.attemptDeadlineMs, body: orderBody(connection, role) };
  };
  const orders = [order(connection.caller.sid, PUNCH_CONTROLLING), order(connection.peer.sid, PUNCH_CONTROLLED)];
  return placeOrders(state, connection, started, orders, revision);
}

/**
 * An end tells what came of an attempt. Once both have: with a path at both, their reports are waited for; otherwise the
 * attempt has failed, and an end that has a path closes it when it hears what comes next.
 */
export function answerAttempt(state: State, command: AnswerAttempt, revision: number): Change[] | Fault {
  const { PUNCH_CONTROLLING, PUNCH_CONTROLLED } = ConnectionRole;
  const order = orderOf(state, command, [PUNCH_CONTROLLING, PUNCH_CONTROLLED]);
  if (order === undefined || order instanceof Fault) return order ?? [];
  const told = withAnswer(connectionOf(state, order), command);
  const { caller, peer } = told.attempts.at(-1)!;
  const undecided = caller === undefined || peer === undefined || (caller.connected && peer.connected);
  if (undecided || told.state !== ConnectionState.PUNCHING) {
    return answered(order, [{ kind: 'ConnectionPut', connection: told }]);
  }
  const failed: Connection = {
    ...told,
    caller: { ...told.caller, reported: PathKind.UNSPECIFIED },
    peer: { ...told.peer, reported: PathKind.UNSPECIFIED },
  };
  const next =
    told.attempts.length < state.limits.attemptsPerConnectionMax
      ? startAttempt(state, failed, command, revision)
      : fallBack(state, failed, revision);
  // The end of a connection takes its reports back itself.
  const isTakenBack = next.some(({ kind }) => kind === 'LinkReportSettled');
  return answered(order, isTakenBack ? next : [...dropReports(state, told), ...next]);
}

/**
 * The connection as it is now, and its orders. When an end can take no more of them, the connection ends instead; one
 * that stands through the server goes on without them.
 */
export function placeOrders(
  state: State,
  before: Connection,
  now: Connection,
  orders: readonly Omit<Order, 'id'>[],
  revision: number,
): Change[] {
  const changes: Change[] = [{ kind: 'ConnectionPut', connection: now }];
  for (const order of orders) {
    const placed = placeOrder(state, order, revision);
    if (placed instanceof Fault) {
      if (before.state === ConnectionState.RELAYED) return [];
      const { reason, message: description } = placed;
      return endConnection(state, before, { event: 'refused', reason, description });
    }
    changes.push(placed);
  }
  return changes;
}

/** No attempt is left: both ends are given the relay. Where it cannot be had or is not wanted, the connection has failed. */
function fallBack(state: State, connection: Connection, revision: number): Change[] {
  const { attempts, fallback } = connection;
  const full = fallback === Fallback.NONE ? 'the caller wants none' : refuseRelay(state, connection);
  if (full === undefined) return giveRelay(state, connection, revision);
  const description = `no pair of candidates answered in ${attempts.length} attempts, and there is no relay: ${full}`;
  return endConnection(state, connection, { event: 'exhausted', reason: 'PATH_FAILED', description });
}

/** Gives both ends the relay before any attempt; undefined when no streams can be had. */
export function relayConnection(state: State, connection: Connection, revision: number): Change[] | undefined {
  return refuseRelay(state, connection) === undefined ? giveRelay(state, connection, revision) : undefined;
}

/**
 * Gives both ends new streams to go on with, as the direct path is dead. Its link stays in the graph: they are still connected. Undefined
 * when no streams can be had, or an end can take no more orders.
 */
export function relayAgain(state: State, connection: Connection, revision: number): Change[] | undefined {
  if (refuseRelay(state, connection, relayStreams(state, connection)) !== undefined) return undefined;
  const unreported: Connection = {
    ...connection,
    caller: { ...connection.caller, reported: PathKind.UNSPECIFIED },
    peer: { ...connection.peer, reported: PathKind.UNSPECIFIED },
  };
  const given = giveRelay(state, unreported, revision, 'returning', CONNECTION_TIMES.returnDeadlineMs);
  if (!given.some(({ kind }) => kind === 'StreamPut')) return undefined;
  return [...stopRelay(state, connection), ...given];
}

/** Why a connection cannot have two streams, where some of its own stop in the same revision. */
function refuseRelay(state: State, { caller, peer }: Connection, stopping: readonly Stream[] = []): string | undefined {
  return (
    fullOfStreams(state, { sid: caller.sid, sinks: [peer.sid] }, stopping) ??
    fullOfStreams(state, { sid: peer.sid, sinks: [caller.sid] }, stopping)
  );
}

/** Each end gets a stream to the other one through the server. */
function giveRelay(
  state: State,
  connection: Connection,
  revision: number,
  event: ConnectionEvent = 'relaying',
  deadlineMs = state.limits.relayDeadlineMs,
): Change[] {
  const { caller, peer } = connection;
  const ids = state.streams.freeIds(state.streamCursor, 4);
  const relay: ConnectionRelay = {
    fromCaller: { streamId: ids[0]!, branchId: ids[1]! },
    fromPeer: { streamId: ids[2]!, branchId: ids[3]! },
  };
  const name = `connection ${connectionName(connection.id)}`;
  const deliveryConfirmation = relayVersionOf(connection) >= state.limits.relayConfirmedFrom;
  const params = { ...DEFAULT_STREAM_PARAMS, name, deliveryConfirmation };
  const streamTo = (owner: number, sid: number, { streamId, branchId }: ConnectionRelay['fromCaller']): Change => ({
    kind: 'StreamPut',
    stream: { id: streamId, owner, sinks: [{ sid, id: branchId }], params, revision },
  });
  const orders = [caller, peer].map(({ sid }) => {
    return { sid, deadlineMs, body: orderBody(connection, ConnectionRole.RELAY) };
  });
  const relayed = stepped(connection, event, { relay, path: PathKind.RELAYED });
  const placed = placeOrders(state, connection, relayed, orders, revision);
  if (placed[0]?.kind !== 'ConnectionPut' || placed[0].connection !== relayed) return placed;
  return [streamTo(caller.sid, peer.sid, relay.fromCaller), streamTo(peer.sid, caller.sid, relay.fromPeer), ...placed];
}

/** The connection with an end's answer about its last attempt, and with the round trip measured anew. */
export function withAnswer(
  connection: Connection,
  { sid, connected, pairs, tookMs, roundTripMs }: Omit<AnswerAttempt, 'kind' | 'orderId' | keyof Drawn>,
): Connection {
  const side = sideOf(connection, sid);
  const end = connection[side];
  const last: Attempt = { ...connection.attempts.at(-1)!, [side]: { connected, pairs, tookMs } };
  return {
    ...connection,
    [side]: { ...end, roundTripMs: roundTripMs || end.roundTripMs },
    attempts: [...connection.attempts.slice(0, -1), last],
  };
}
