import type { Change } from '../model/change.js';
import type { AnswerOrder, ExpireOrder, RequestTermination } from '../model/command.js';
import { ConnectionRole, ConnectionState, stepped } from '../model/connection.js';
import { Fault } from '../model/fault.js';
import type { Order } from '../model/order.js';
import { CloseReason } from '../model/session.js';
import type { State } from '../store/state.js';
import { answered, connectionOf, orderOf, placeOrder } from './order-book.js';
import { endConnection } from './parting.js';
import { endSession } from './session.js';
import { forgo, isUpgrade } from './upgrade.js';

/** Asks a session to end itself. One such order is enough: asking again adds none. */
export function requestTermination(state: State, command: RequestTermination, revision: number): Change[] | Fault {
  const { sid, reason, deadlineMs } = command;
  if (!state.sessions.has(sid)) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  if (state.orders.of(sid).some((order) => order.body.kind === 'terminate')) return [];
  const placed = placeOrder(state, { sid, deadlineMs, body: { kind: 'terminate', reason } }, revision);
  return placed instanceof Fault ? placed : [placed];
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
  return [done, ...endSession(state, state.sessions.living(sid), CloseReason.TERMINATED, revision)];
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
    // The API has one reason for a peer that refuses, whatever reason the peer itself gives.
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
  return Fault.fields([{ field: 'data', description: 'the answer to this order is needed' }]);
}
