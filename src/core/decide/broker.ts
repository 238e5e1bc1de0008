import type { Change } from '../model/change.js';
import type { AnswerGather, AskConnection, Drawn, ExpireOrder } from '../model/command.js';
import {
  type Connection,
  type ConnectionEnd,
  ConnectionRole,
  ConnectionState,
  Fallback,
  type Gathered,
  isOver,
  isPending,
  isRelayFirst,
  PathKind,
  sideOf,
  stepped,
} from '../model/connection.js';
import { Fault } from '../model/fault.js';
import type { Order } from '../model/order.js';
import type { State } from '../store/state.js';
import type { StateView } from '../store/state-view.js';
import { placeOrders, relayConnection, startAttempt } from './attempt.js';
import { answered, connectionOf, hasOrder, orderBody, orderOf, placeOrder } from './order-book.js';
import { connectionsBetween } from './parting.js';
import { doneRequest, repeatedRequest } from './request.js';
import { tryAgain } from './upgrade.js';

/** What waits here is over within a minute, and commonly within a second. */
const CONNECTION_LIMIT_RETRY_MS = 2_000;

/**
 * Asks for a connection: the peer gets its order, to gather or (the caller listens) to dial.
 *
 * When the peer has asked for the same the other way round, both want one connection and get one: this request is the
 * answer to that one's order.
 */
export function askConnection(state: State, command: AskConnection, revision: number): Change[] | Fault {
  const repeated = repeatedRequest(state, command);
  if (repeated !== undefined) return repeated;
  const wrong = checkEnds(state, command);
  if (wrong !== undefined) return wrong;
  const crossing = crossingOf(state, command);
  const id = command.relayed || (crossing?.id ?? revision);
  const changes =
    command.relayed !== 0
      ? tryAgain(state, command, revision)
      : crossing === undefined
        ? makeConnection(state, command, revision)
        : join(state, crossing, command, revision);
  return changes instanceof Fault ? changes : [...changes, ...doneRequest(state, command, { kind: 'connection', id })];
}

function makeConnection(state: State, command: AskConnection, revision: number): Change[] | Fault {
  const full = checkBounds(state, command);
  if (full !== undefined) return full;
  const { sid, peer, link, host, port, atMs, deadlineMs, fallback } = command;
  const asked: Connection = {
    id: revision,
    caller: { sid, reported: PathKind.UNSPECIFIED, ...gatheredIn(command) },
    peer: { sid: peer, reported: PathKind.UNSPECIFIED, ...NOT_GATHERED },
    link,
    listening: { host, port },
    ...(fallback !== undefined && { fallback }),
    state: ConnectionState.ASKED,
    askedAtMs: atMs,
    attempts: [],
    path: PathKind.UNSPECIFIED,
    roundTripMs: 0,
    relay: undefined,
    reason: undefined,
    description: '',
  };
  const role = port === 0 ? ConnectionRole.GATHER : ConnectionRole.DIAL;
  const order = placeOrder(state, { sid: peer, deadlineMs, body: orderBody(asked, role) }, revision);
  if (order instanceof Fault) return order;
  return [{ kind: 'ConnectionPut', connection: stepped(asked, 'ordered') }, order];
}

/** The connection that a request joins instead of making one: the peer's own request, not yet decided. */
export function crossingOf(
  state: StateView,
  { sid, peer, link, port, relayed }: Pick<AskConnection, 'sid' | 'peer' | 'link' | 'port' | 'relayed'>,
): Connection | undefined {
  if (port !== 0 || relayed !== 0) return undefined;
  return connectionsBetween(state, sid, peer, link).find(
    (one) => isPending(one) && one.caller.sid === peer && one.listening.port === 0,
  );
}

/**
 * An end has gathered. With both ends' candidates the first attempt begins. To an order to dial it is a yes, and brings the
 * key that the listening caller will ask for.
 */
export function answerGather(state: State, command: AnswerGather, revision: number): Change[] | Fault {
  const order = orderOf(state, command, [ConnectionRole.GATHER, ConnectionRole.DIAL]);
  if (order === undefined || order instanceof Fault) return order ?? [];
  const connection = connectionOf(state, order);
  if (connection.listening.port === 0) return answered(order, gathered(state, connection, command, revision));
  const peer = withGathered(connection.peer, command);
  return answered(order, [{ kind: 'ConnectionPut', connection: stepped(connection, 'started', { peer }) }]);
}

/**
 * How an answer to gather is stored. Where the connection has found a direct path meanwhile, it settles its order and changes nothing else, as the
 * end of the order's deadline does: builds of 0.1 apply that, and cannot apply the answer.
 */
export function storedAnswer(state: StateView, command: AnswerGather): AnswerGather | ExpireOrder {
  const { sid, orderId } = command;
  return connectionStateOf(state, command) === ConnectionState.ESTABLISHED
    ? { kind: 'ExpireOrder', sid, orderId }
    : command;
}

/** Whether reports of the ends, should they be stored before an answer to gather, could change how it is stored. */
export function dependsOnReports(state: StateView, command: AnswerGather): boolean {
  const found = connectionStateOf(state, command);
  return found === ConnectionState.RELAYED || found === ConnectionState.ESTABLISHED;
}

function connectionStateOf(state: StateView, { sid, orderId }: AnswerGather): ConnectionState | undefined {
  const body = state.orders.get(sid, orderId)?.body;
  return body?.kind === 'connection' ? state.connections.get(body.connection)?.state : undefined;
}

function checkEnds(state: State, { sid, peer }: AskConnection): Fault | undefined {
  const description =
    peer === sid ? 'a connection to oneself is none' : state.servers.has(peer) ? 'the server takes none' : undefined;
  if (description !== undefined) return Fault.fields([{ field: 'cvid', description }]);
  if (!state.sessions.has(sid)) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  if (!state.sessions.has(peer)) return new Fault('NODE_NOT_FOUND', `no node ${peer}`);
  return undefined;
}

function checkBounds(state: State, { sid, peer }: AskConnection): Fault | undefined {
  const { connectionsPendingPerSessionMax, connectionsPendingMax, connectionsPerSessionMax } = state.limits;
  const limit = (message: string) => new Fault('CONNECTION_LIMIT', message, [], CONNECTION_LIMIT_RETRY_MS);
  if (state.connections.pendingCount >= connectionsPendingMax) {
    return limit(`${connectionsPendingMax} pending connections are the limit`);
  }
  for (const end of [sid, peer]) {
    const connections = state.connections.of(end);
    if (connections.filter(isPending).length >= connectionsPendingPerSessionMax) {
      return limit(
        `${connectionsPendingPerSessionMax} pending connections of one session are the limit, and ${end} has them`,
      );
    }
    if (connections.filter((one) => !isOver(one)).length >= connectionsPerSessionMax) {
      return limit(`${connectionsPerSessionMax} connections of one session are the limit, and ${end} has them`);
    }
  }
  return undefined;
}

/** A request that crosses the peer's own: it says what the answer to the order would say. */
function join(state: State, crossing: Connection, command: AskConnection, revision: number): Change[] {
  if (command.publicKey === '' || crossing.state !== ConnectionState.ORDERED) return [];
  const order = state.orders
    .of(command.sid)
    .find(({ body }) => body.kind === 'connection' && body.connection === crossing.id);
  const { fallback } = crossing;
  const known = { ...crossing, peer: withGathered(crossing.peer, command) };
  const next =
    fallback === command.fallback
      ? gathered(state, crossing, command, revision)
      : gatherBoth(state, withFallback(known, strictestOf(fallback, command.fallback)), revision);
  return order === undefined ? next : answered(order, next);
}

/**
 * An end has brought what it needs: both are given the relay, where that comes first; the other end gathers too; or both begin
 * an attempt.
 */
function gathered(
  state: State,
  connection: Connection,
  command: Gathered & Drawn & { readonly sid: number },
  revision: number,
): Change[] {
  // It has found a direct path since the order was placed: the attempt that this was for is not needed.
  if (connection.state === ConnectionState.ESTABLISHED) return [];
  const side = sideOf(connection, command.sid);
  const known = { ...connection, [side]: withGathered(connection[side], command) };
  const isKnown = known.caller.publicKey !== '';
  if (isKnown && isPending(known) && isRelayFirst(known)) {
    return relayConnection(state, known, revision) ?? gatherBoth(state, withFallback(known, undefined), revision);
  }
  const other = side === 'caller' ? known.peer : known.caller;
  if (hasOrder(state, other.sid, known, [ConnectionRole.GATHER])) return [{ kind: 'ConnectionPut', connection: known }];
  if (!isKnown || (known.state === ConnectionState.ORDERED && hasRelied(known))) {
    return placeOrders(state, known, stepped(known, 'accepted'), [gatherOrder(state, known, 'caller')], revision);
  }
  return startAttempt(state, known, command, revision);
}

/** Whether the caller has asked before it knew where it may be reached, as it needs not for the relay; the peer is an older one. */
function hasRelied({ caller, fallback }: Connection): boolean {
  return fallback === Fallback.IMMEDIATE && caller.candidates.length === 0;
}

/** The relay does not come first. Both ends, who may have relied on that, gather and begin attempts. */
function gatherBoth(state: State, connection: Connection, revision: number): Change[] {
  const now = connection.state === ConnectionState.ORDERED ? stepped(connection, 'accepted') : connection;
  const orders = [gatherOrder(state, connection, 'caller'), gatherOrder(state, connection, 'peer')];
  return placeOrders(state, connection, now, orders, revision);
}

/** What two ends come to that ask for each other and want different things: no relay before one that comes late. */
function strictestOf(one: Fallback | undefined, other: Fallback | undefined): Fallback | undefined {
  return [one, other].includes(Fallback.NONE) ? Fallback.NONE : undefined;
}

function withFallback({ fallback: _, ...connection }: Connection, fallback: Fallback | undefined): Connection {
  return fallback === undefined ? connection : { ...connection, fallback };
}

function gatherOrder({ limits }: State, connection: Connection, side: 'caller' | 'peer'): Omit<Order, 'id'> {
  const body = orderBody(connection, ConnectionRole.GATHER);
  return { sid: connection[side].sid, deadlineMs: limits.gatherDeadlineMs, body };
}

const NOT_GATHERED: Gathered = { candidates: [], publicKey: '', roundTripMs: 0, relayVersion: 0 };

/** An end with what it has gathered: an endorsement that it brought before was for another key, or has been brought again. */
function withGathered({ endorsement: _, ...end }: ConnectionEnd, gathered: Gathered): ConnectionEnd {
  return { ...end, ...gatheredIn(gathered) };
}

function gatheredIn({ candidates, publicKey, endorsement, roundTripMs, relayVersion }: Gathered): Gathered {
  return { candidates, publicKey, ...(endorsement && { endorsement }), roundTripMs, relayVersion };
}
