import type { Change, Order, OrderBody } from './change.js';
import { type AnswerOrder, CloseReason, type ExpireOrder, type RequestTermination } from './command.js';
import { type Connection, ConnectionRole, ConnectionState, stepped } from './connection.js';
import { Fault } from './fault.js';
import { endConnection } from './parting.js';
import { endSession } from './session.js';
import type { State } from './state.js';
import { forgo, isUpgrade } from './upgrade.js';

/** An order is answered or its deadline passes within seconds. */
const ORDER_LIMIT_RETRY_MS = 2_000;

/** Asks a session to end itself. One such order is enough: asking again adds none. */
export function requestTermination(state: State, command: RequestTermination, revision: number): Change[] | Fault {
  const { sid, reason, deadlineMs } = command;
  if (!state.sessions.has(sid)) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  if (state.orders.of(sid).some((order) => order.body.kind === 'terminate')) return [];
  const placed = placeOrder(state, { sid, deadlineMs, body: { kind: 'terminate', reason } }, revision);
  return placed instanceof Fault ? placed : [placed];
}

/** An order for a session; refused when it has as many as it may. One revision places one for each session at most. */
export function placeOrder(state: State, order: Omit<Order, 'id'>, revision: number): Change | Fault {
  const { length } = state.orders.of(order.sid);
  if (length < state.limits.ordersPerSessionMax) {
    return { kind: 'OrderPlaced', order: { id: `o${revision}`, ...order } };
  }
  return new Fault('ORDER_LIMIT', `${length} orders wait for session ${order.sid}`, [], ORDER_LIMIT_RETRY_MS);
}

/**
 * An instance's answer. Whatever it says to a termination, it ends: the order is a courtesy, not a question. What it
 * brings with its success to a connection's order is read by the doors: see `AnswerGather` and `AnswerAttempt`.
 */
export function answerOrder(state: State, command: AnswerOrder, revision: number): Change[] | Fault {
  const { sid, code, description } = command;
  const order = orderOf(state, command);
  if (order === undefined || order instanceof Fault) return order ?? [];
  const done: Change = { kind: 'OrderSettled', order, code, description };
  if (order.body.kind === 'connection') return answerConnection(state, order, command, done);
  return [done, ...endSession(state, state.sessions.get(sid)!, CloseReason.TERMINATED, revision)];
}

/** An order was not answered in time: what it was about ends. */
export function expireOrder(state: State, { sid, orderId }: ExpireOrder): Change[] {
  const order = state.orders.get(sid, orderId);
  if (order?.body.kind !== 'connection') return [];
  const connection = connectionOf(state, order);
  if (isUpgrade(connection, order)) return forgo(connection, order);
  const description = `session ${sid} did not answer within ${order.deadlineMs / 1_000} s`;
  const parting = { event: 'expired', reason: 'ORDER_DEADLINE', description } as const;
  return answered(order, endConnection(state, connection, parting));
}

/** The order that an answer is to; undefined when it was settled before, so that answering twice is no error. */
export function orderOf(
  state: State,
  { sid, orderId }: { readonly sid: number; readonly orderId: string },
  roles?: readonly ConnectionRole[],
): Order | Fault | undefined {
  if (!state.sessions.has(sid)) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  const order = state.orders.get(sid, orderId);
  if (order === undefined && state.orders.wasSettled(sid, orderId)) return undefined;
  const fits = roles === undefined || (order?.body.kind === 'connection' && roles.includes(order.body.role));
  if (order !== undefined && fits) return order;
  return new Fault('ORDER_NOT_FOUND', `no order ${orderId} waits for ${roles === undefined ? 'an' : 'such an'} answer`);
}

/** The connection that an order is about: it lives as long as the order. */
export function connectionOf(state: State, { body }: Order): Connection {
  if (body.kind !== 'connection') throw new Error('an order that is about no connection');
  return state.connections.get(body.connection)!;
}

/** What an order about a connection says. */
export function orderBody({ id }: Connection, role: ConnectionRole): OrderBody {
  return { kind: 'connection', connection: id, role };
}

/** The order is settled, and once only, whatever else comes of its answer. */
export function answered(order: Order, next: readonly Change[]): Change[] {
  const rest = next.filter((change) => change.kind !== 'OrderSettled' || change.order !== order);
  return [{ kind: 'OrderSettled', order, code: undefined, description: '' }, ...rest];
}

/** A yes to dialling or to the relay, or a no to anything. */
function answerConnection(
  state: State,
  order: Order,
  { sid, code, description }: AnswerOrder,
  done: Change,
): Change[] | Fault {
  const connection = connectionOf(state, order);
  if (code !== undefined && isUpgrade(connection, order)) return [done, ...forgo(connection, order).slice(1)];
  if (code !== undefined) {
    // The contract's word for a peer that does not want to be connected, whatever it calls its own reason.
    const isRefusal = connection.state === ConnectionState.ORDERED && sid === connection.peer.sid;
    const reason = isRefusal ? 'PEER_REFUSED' : code;
    const text = description === '' ? `session ${sid} refused` : description;
    const [, ...rest] = answered(
      order,
      endConnection(state, connection, { event: 'refused', reason, description: text }),
    );
    return [done, ...rest];
  }
  const role = order.body.kind === 'connection' ? order.body.role : undefined;
  if (role === ConnectionRole.RELAY) return [done];
  if (role === ConnectionRole.DIAL) {
    return [done, { kind: 'ConnectionPut', connection: stepped(connection, 'started') }];
  }
  return Fault.fields([{ field: 'data', description: 'the answer to this order is needed' }])!;
}
