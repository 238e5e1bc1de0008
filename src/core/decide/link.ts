import type { Change } from '../model/change.js';
import type { BrokeredLink, ReportLink } from '../model/command.js';
import {
  type Connection,
  ConnectionRole,
  ConnectionState,
  canReturn,
  connectionName,
  isEnd,
  isOver,
  isPending,
  nextState,
  otherEnd,
  PathKind,
  sideOf,
  stepped,
} from '../model/connection.js';
import { CONNECTION_TIMES } from '../model/connection-times.js';
import { Fault } from '../model/fault.js';
import { type Link, type LinkReport, orderedLink } from '../model/link.js';
import type { State } from '../store/state.js';
import { relayAgain } from './attempt.js';
import { hasOrder } from './order-book.js';
import { endConnection, stopRelay } from './parting.js';
import { undoneRequest } from './request.js';

/** A report is confirmed within seconds, or its session has other troubles. */
const REPORTS_RETRY_MS = 5_000;

/**
 * One end's report about a link. The link enters the graph when both ends have reported it, and leaves it with the first
 * report that it is lost.
 *
 * A report of a loss takes back only the reporter's own waiting report, never the peer's: so a late one about an old path
 * cannot cancel the peer's report of a new one.
 */
export function reportLink(state: State, command: ReportLink, revision: number): Change[] | Fault {
  const wrong = checkEnds(state, command);
  if (wrong !== undefined) return wrong;
  const { brokered } = command;
  if (brokered === undefined) return wordAbout(state, command);
  const connection = connectionReported(state, command, brokered.connection);
  if (connection instanceof Fault) return connection;
  if (!command.established) {
    return returned(state, connection, command, revision) ?? partOver(state, connection, command.sid, brokered.failed);
  }
  if (isOver(connection))
    return new Fault(connection.reason!, `${connectionName(connection.id)} is over: ${connection.description}`);
  if (!STANDING.includes(connection.state)) {
    return new Fault('OUT_OF_ORDER', `${connectionName(connection.id)} has no path yet`);
  }
  const word = wordAbout(state, command);
  return word instanceof Fault ? word : [...word, ...recorded(state, connection, command.sid, brokered)];
}

const STANDING: readonly ConnectionState[] = [
  ConnectionState.PUNCHING,
  ConnectionState.RELAYED,
  ConnectionState.ESTABLISHED,
];

function checkEnds(state: State, { sid, peer }: ReportLink): Fault | undefined {
  const violations = [];
  if (peer === sid) violations.push({ field: 'peer_cvid', description: 'a link to oneself is none' });
  const { servers } = state;
  if (servers.has(peer) && !servers.has(sid)) {
    violations.push({ field: 'peer_cvid', description: 'the link to the server lives and dies with the session' });
  }
  const wrong = Fault.fields(violations);
  if (wrong !== undefined) return wrong;
  if (servers.has(sid) && servers.has(peer)) return checkServers(state, sid, peer);
  if (!state.sessions.has(sid)) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  if (!state.graph.has(peer)) return new Fault('NODE_NOT_FOUND', `no node ${peer}`);
  return undefined;
}

/** A server reports its links to other servers, and no more: those to its sessions come and go with them. */
function checkServers({ servers }: State, sid: number, peer: number): Fault | undefined {
  const lost = [sid, peer].find((end) => !servers.isLive(end));
  return lost === undefined ? undefined : new Fault('NODE_NOT_FOUND', `no server ${lost}`);
}

function wordAbout(state: State, command: ReportLink): Change[] | Fault {
  const { sid, peer, link: type } = command;
  const mine: LinkReport = { sid, peer, link: type };
  const link = orderedLink(sid, peer, type);
  const stands = state.graph.hasLink(link);
  if (!command.established) {
    if (stands) return [{ kind: 'LinkRemoved', link }];
    return state.reports.has(mine) ? [{ kind: 'LinkReportSettled', report: mine }] : [];
  }
  if (stands || state.reports.has(mine)) return [];
  const theirs: LinkReport = { sid: peer, peer: sid, link: type };
  if (!state.reports.has(theirs)) return fullOfReports(state, sid) ?? [{ kind: 'LinkReported', report: mine }];
  return (
    fullOfLinks(state, link) ?? [
      { kind: 'LinkReportSettled', report: theirs },
      { kind: 'LinkAdded', link },
    ]
  );
}

function fullOfReports({ reports, limits }: State, sid: number): Fault | undefined {
  if (reports.count >= limits.reportsMax) {
    const message = `${limits.reportsMax} links that wait for their other end are the limit`;
    return new Fault('LINK_LIMIT', message, [], REPORTS_RETRY_MS);
  }
  if (reports.countBy(sid) < limits.reportsPerNodeMax) return undefined;
  return linkLimit(sid, limits.reportsPerNodeMax, 'reported links');
}

function fullOfLinks({ graph, limits, servers }: State, { a, b }: Link): Fault | undefined {
  if (graph.linkCount >= limits.linksMax) return new Fault('LINK_LIMIT', `${limits.linksMax} links are the limit`);
  // A server has a link to each of its sessions.
  const full = [a, b].find((end) => graph.degree(end) >= limits.linksPerNodeMax && !servers.has(end));
  return full === undefined ? undefined : linkLimit(full, limits.linksPerNodeMax, 'links');
}

function linkLimit(sid: number, max: number, what: string): Fault {
  return new Fault('LINK_LIMIT', `${max} ${what} of one node are the limit, and ${sid} has them`);
}

/** The connection that a report names, if it is between the two and of that type. */
function connectionReported(state: State, { sid, peer, link }: ReportLink, id: number): Connection | Fault {
  const connection = state.connections.get(id);
  const fits =
    connection !== undefined &&
    isEnd(connection, sid) &&
    otherEnd(connection, sid) === peer &&
    connection.link === link;
  return fits ? connection : new Fault('CONNECTION_NOT_FOUND', `no connection ${connectionName(id)}`);
}

/** An end reports that a connection has a path. Once both ends report a direct one, the connection is established. */
function recorded(state: State, connection: Connection, sid: number, { path, roundTripMs }: BrokeredLink): Change[] {
  const side = sideOf(connection, sid);
  const said = path === PathKind.UNSPECIFIED ? connection.path || PathKind.DIRECT : path;
  // An end that has yet to open the relay again has no other direct path than the dead one.
  if (said === PathKind.DIRECT && returns(state, connection, sid)) return [];
  const known: Connection = {
    ...connection,
    [side]: { ...connection[side], reported: said },
    roundTripMs: roundTripMs || connection.roundTripMs,
  };
  const same = known.roundTripMs === connection.roundTripMs && connection[side].reported === said;
  const bothDirect = known.caller.reported === PathKind.DIRECT && known.peer.reported === PathKind.DIRECT;
  if (!bothDirect || known.state === ConnectionState.ESTABLISHED) {
    return same ? [] : [{ kind: 'ConnectionPut', connection: known }];
  }
  const direct = stepped(known, 'linked', { path: PathKind.DIRECT, relay: undefined });
  return [...stopRelay(state, connection), { kind: 'ConnectionPut', connection: direct }];
}

/**
 * An end reports that the direct path is dead and that it goes on through the server: a loss whose path is RELAYED. The first of such
 * reports gives both ends the relay, and no other does while an end has yet to open that. Undefined when the connection cannot go on.
 */
function returned(
  state: State,
  connection: Connection,
  { sid, brokered }: ReportLink,
  revision: number,
): Change[] | undefined {
  const isReturn = brokered?.failed === true && brokered.path === PathKind.RELAYED && canReturn(connection);
  if (!isReturn || nextState(connection.state, 'returning') === undefined) return undefined;
  if (opensRelay(state, connection, connection.caller.sid) || opensRelay(state, connection, connection.peer.sid))
    return [];
  const hasDirect = connection.state === ConnectionState.ESTABLISHED || reportedBy(connection, sid) === PathKind.DIRECT;
  return hasDirect ? relayAgain(state, connection, revision) : [];
}

/** Whether an end has yet to answer the order to relay. */
function opensRelay(state: State, connection: Connection, sid: number): boolean {
  return hasOrder(state, sid, connection, [ConnectionRole.RELAY]);
}

/** Whether it is a relay after a dead path that an end has yet to open: the order to open it waits longer than that of a first one. */
function returns({ orders }: State, { id }: Connection, sid: number): boolean {
  return orders.of(sid).some(({ body, deadlineMs }) => {
    const isOfIt = body.kind === 'connection' && body.connection === id && body.role === ConnectionRole.RELAY;
    return isOfIt && deadlineMs === CONNECTION_TIMES.returnDeadlineMs;
  });
}

function reportedBy(connection: Connection, sid: number): PathKind {
  return connection[sideOf(connection, sid)!].reported;
}

/** An end reports that a connection's path is dead, or not wanted any more. Of a connection that is over it is ignored. */
function partOver(state: State, connection: Connection, sid: number, failed: boolean): Change[] {
  if (failed) {
    const description = `session ${sid} found the path dead`;
    return endConnection(state, connection, { event: 'lost', reason: 'PATH_FAILED', description });
  }
  // Who takes back what is not made yet may ask for it anew.
  const undone = isPending(connection) ? undoneRequest(state, sid, { kind: 'connection', id: connection.id }) : [];
  const description = `closed by session ${sid}`;
  return [...endConnection(state, connection, { event: 'closed', reason: 'PEER_LEFT', description }), ...undone];
}
