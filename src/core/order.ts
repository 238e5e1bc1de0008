import type { Change } from './change.js';
import { type AnswerOrder, CloseReason, type RequestTermination } from './command.js';
import { Fault } from './fault.js';
import { endSession } from './session.js';
import type { State } from './state.js';

/** An order is answered or its deadline passes within seconds. */
const ORDER_LIMIT_RETRY_MS = 2_000;

/** Asks a session to end itself. One such order is enough: asking again adds none. */
export function requestTermination(state: State, command: RequestTermination, revision: number): Change[] | Fault {
  const { sid, reason, deadlineMs } = command;
  if (state.sessions.get(sid) === undefined) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  const waiting = state.orders.of(sid);
  if (waiting.some((order) => order.body.kind === 'terminate')) return [];
  if (waiting.length >= state.limits.ordersPerSessionMax) {
    return new Fault('ORDER_LIMIT', `${waiting.length} orders wait for session ${sid}`, [], ORDER_LIMIT_RETRY_MS);
  }
  const order = { id: `o${revision}`, sid, deadlineMs, body: { kind: 'terminate' as const, reason } };
  return [{ kind: 'OrderPlaced', order }];
}

/** An instance's answer. Whatever it says to a termination, it ends: the order is a courtesy, not a question. */
export function answerOrder(state: State, command: AnswerOrder, revision: number): Change[] | Fault {
  const { sid, orderId, code, description } = command;
  const session = state.sessions.get(sid);
  if (session === undefined) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  const order = state.orders.get(sid, orderId);
  if (order === undefined) {
    if (state.orders.wasSettled(sid, orderId)) return [];
    return new Fault('ORDER_NOT_FOUND', `no order ${orderId} waits for an answer`);
  }
  return [
    { kind: 'OrderSettled', order, code, description },
    ...endSession(state, session, CloseReason.TERMINATED, revision),
  ];
}
