import type { Change, StreamStopped } from '../model/change.js';
import type { NetworkServer } from '../model/server.js';
import { StopReason, type Stream } from '../model/stream.js';
import type { State } from './state.js';
import { isInitialId } from './streams.js';

/**
 * Writes one change into the state. It never refuses: whether a change can be was decided before.
 *
 * With snapshot.ts the only code that writes to a {@link State}.
 */
export function evolve(state: State, change: Change): void {
  switch (change.kind) {
    case 'NetworkFounded':
      state.epoch = change.epoch;
      state.serverUuid = change.serverUuid;
      state.serverSid = change.serverSid;
      addServer(state, { sid: change.serverSid, uuid: change.serverUuid, name: '', isLive: true });
      break;
    case 'ServerAdded':
      addServer(state, change.server);
      break;
    case 'ServerChanged':
      state.servers.put(change.server);
      break;
    case 'ServerRemoved':
      state.servers.delete(change.server.sid);
      state.graph.removeNode(change.server.sid);
      state.sids.free(change.server.sid);
      break;
    case 'SessionOpened':
      state.sids.take(change.session.sid);
      state.graph.addNode(change.session.sid);
      state.sessions.add(change.session);
      state.servers.arrived(change.session.home ?? state.serverSid);
      state.ended.delete(change.session.sid);
      break;
    case 'SessionMoved':
      state.sessions.move(change.session);
      state.servers.left(change.from);
      state.servers.arrived(change.session.home ?? state.serverSid);
      break;
    case 'SessionClosed':
      state.reports.forget(change.session.sid);
      state.orders.forget(change.session.sid);
      state.requests.forget(change.session.sid);
      state.sessions.remove(change.session);
      state.servers.left(change.session.home ?? state.serverSid);
      state.graph.removeNode(change.session.sid);
      state.sids.free(change.session.sid);
      state.ended.add(change.session, change.reason);
      break;
    case 'LinkReported':
      state.reports.add(change.report);
      break;
    case 'LinkReportSettled':
      state.reports.delete(change.report);
      break;
    case 'LinkAdded':
      state.graph.addLink(change.link);
      state.servers.linked(change.link);
      break;
    case 'LinkRemoved':
      state.graph.removeLink(change.link);
      state.servers.unlinked(change.link);
      break;
    case 'StreamPut':
      putStream(state, change.stream);
      break;
    case 'StreamStopped':
      stopStream(state, change);
      break;
    case 'OrderPlaced':
      state.orders.add(change.order);
      break;
    case 'OrderSettled':
      state.orders.settle(change.order);
      break;
    case 'ConnectionPut':
      state.connections.put(change.connection);
      break;
    case 'LimitsSet':
      state.limits = change.limits;
      break;
    case 'RequestDone':
      state.requests.add(change.request);
      break;
    case 'RequestRepeated':
      break;
    case 'RequestForgotten':
      state.requests.delete(change.request);
      break;
    case 'EpochRenewed':
      state.epoch = change.epoch;
      // A backup holds no audit log: what was anchored is of a folder that may be another one.
      state.auditAnchors.clear();
      break;
    case 'RulesChanged':
      state.rules = change.rules;
      break;
    case 'IdentityPut':
      state.identities.put(change.identity);
      break;
    case 'IdentityForgotten':
      state.identities.delete(change.identity);
      break;
    case 'PolicyPut':
      state.policy = change.policy;
      break;
    case 'TicketPut':
      state.tickets.put(change.ticket);
      break;
    case 'TicketForgotten':
      state.tickets.delete(change.ticket);
      break;
    case 'AuditAnchored':
      state.auditAnchors.put(change.anchors);
      break;
  }
}

/** The founder may come back when its node has long gone: with another. */
function addServer(state: State, server: NetworkServer): void {
  if (server.uuid === state.serverUuid) state.serverSid = server.sid;
  state.sids.take(server.sid);
  state.graph.addNode(server.sid);
  state.servers.put(server);
}

/** Ids are given out in a ring, the stream's first and then its branches', so a new stream's last one is the cursor. */
function putStream(state: State, stream: Stream): void {
  const isNew = !isInitialId(stream.id) && state.streams.get(stream.id) === undefined;
  if (isNew) state.streamCursor = stream.sinks.at(-1)?.id ?? stream.id;
  state.streams.put(stream);
}

/** A session that ends takes its first stream along; one that goes on has to know that it has it no more. */
function stopStream(state: State, { before, after, reason }: StreamStopped): void {
  if (after !== undefined) {
    state.streams.put(after);
    return;
  }
  if (isInitialId(before.id) && reason !== StopReason.SESSION_CLOSED) state.sessions.forgetStream(before.owner);
  state.streams.delete(before);
}
