import type { Change } from '../model/change.js';
import type { AskConnection } from '../model/command.js';
import {
  type Connection,
  ConnectionRole,
  ConnectionState,
  connectionName,
  isOver,
  isRelayFirst,
  relayVersionOf,
} from '../model/connection.js';
import { Fault } from '../model/fault.js';
import type { Order } from '../model/order.js';
import type { State } from '../store/state.js';
import { withAnswer } from './attempt.js';
import { answered, hasOrder, orderBody, placeOrder } from './order-book.js';

/**
 * Tries once more for a direct path of a connection that goes through the server, as its caller asks. The peer gathers
 * anew; with its candidates both begin an attempt, as at first.
 *
 * The connection stands meanwhile: whatever goes wrong costs the attempt and nothing else. Once both ends have moved they
 * report the direct path, and the streams stop.
 */
export function tryAgain(state: State, command: AskConnection, revision: number): Change[] | Fault {
  const connection = state.connections.get(command.relayed);
  const { sid, peer, link, candidates, publicKey, endorsement, roundTripMs, deadlineMs } = command;
  const isOwn = connection?.caller.sid === sid && connection.peer.sid === peer && connection.link === link;
  if (!isOwn) return new Fault('CONNECTION_NOT_FOUND', `no connection ${connectionName(command.relayed)}`);
  const refused = refuseUpgrade(state, connection);
  if (refused !== undefined) return refused;
  const { endorsement: _, ...caller } = connection.caller;
  const gathered = { candidates, publicKey, ...(endorsement && { endorsement }), roundTripMs };
  const known = { ...connection, caller: { ...caller, ...gathered } };
  const body = orderBody(connection, ConnectionRole.GATHER);
  const order = placeOrder(state, { sid: peer, deadlineMs, body }, revision);
  return order instanceof Fault ? order : [{ kind: 'ConnectionPut', connection: known }, order];
}

/** Whether what comes of an order costs an attempt at most: the connection stands through the server. */
export function isUpgrade({ state }: Connection, { body }: Order): boolean {
  return state === ConnectionState.RELAYED && body.kind === 'connection' && body.role !== ConnectionRole.RELAY;
}

/** An end would not, or could not in time, take part in an attempt of a connection that stands without it. */
export function forgo(connection: Connection, order: Order): Change[] {
  const isGathering = order.body.kind === 'connection' && order.body.role === ConnectionRole.GATHER;
  if (isGathering) return answered(order, []);
  const nothing = { sid: order.sid, connected: false, pairs: [], tookMs: 0, roundTripMs: 0 };
  return answered(order, [{ kind: 'ConnectionPut', connection: withAnswer(connection, nothing) }]);
}

function refuseUpgrade(state: State, connection: Connection): Fault | undefined {
  const { id, reason, description, attempts } = connection;
  const name = connectionName(id);
  if (isOver(connection)) return new Fault(reason!, `${name} is over: ${description}`);
  if (connection.state !== ConnectionState.RELAYED)
    return new Fault('OUT_OF_ORDER', `${name} does not go through the server`);
  if (isBeingTried(state, connection)) return new Fault('OUT_OF_ORDER', `${name} is being tried already`);
  if (relayVersionOf(connection) === 0)
    return new Fault('OUT_OF_ORDER', `an end of ${name} cannot move to another path`);
  const { attemptsPerConnectionMax, upgradesPerConnectionMax } = state.limits;
  if ((attempts.at(-1)?.number ?? 0) < attemptsPerConnectionMax + upgradesPerConnectionMax) return undefined;
  return new Fault('CONNECTION_LIMIT', `${upgradesPerConnectionMax} more attempts are the limit, and ${name} had them`);
}

const TRYING = [ConnectionRole.GATHER, ConnectionRole.PUNCH_CONTROLLING, ConnectionRole.PUNCH_CONTROLLED];

/** Where the relay comes first, its opening and the first attempt go on beside each other. */
function isBeingTried(state: State, connection: Connection): boolean {
  const roles = isRelayFirst(connection) ? TRYING : [...TRYING, ConnectionRole.RELAY];
  return [connection.caller.sid, connection.peer.sid].some((sid) => hasOrder(state, sid, connection, roles));
}
