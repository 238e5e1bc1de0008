import type { Change } from '../model/change.js';
import type { Connection, ConnectionRole } from '../model/connection.js';
import { Fault } from '../model/fault.js';
import type { Order, OrderBody } from '../model/order.js';
import type { State } from '../store/state.js';

/** An order is answered or its deadline passes within seconds. */
const ORDER_LIMIT_RETRY_MS = 2_000;

/** An order for a session; refused when it has as many as it may. One revision places one for each session at most. */
export function placeOrder(state: State, order: Omit<Order, 'id'>, revision: number): Change | Fault {
  const { length } = state.orders.of(order.sid);
  if (length < state.limits.ordersPerSessionMax) {
    return { kind: 'OrderPlaced', order: { id: `o${revision}`, ...order } };
  }
  return new Fault('ORDER_LIMIT', `${length} orders wait for session ${order.sid}`, [], ORDER_LIMIT_RETRY_MS);
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
  return state.connections.known(body.connection);
}

/** Whether a session has yet to answer an order of one of these roles about a connection. */
export function hasOrder(
  { orders }: Pick<State, 'orders'>,
  sid: number,
  { id }: Connection,
  roles: readonly ConnectionRole[],
): boolean {
  return orders
    .of(sid)
    .some(({ body }) => body.kind === 'connection' && body.connection === id && roles.includes(body.role));
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
