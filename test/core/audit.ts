import { isDeepStrictEqual } from 'node:util';
import { ConnectionState, isOver, isPending, PathKind } from '../../src/core/model/connection.js';
import { compareLinks, type Link, type LinkReport, LinkType } from '../../src/core/model/link.js';
import { identityOf, type Session } from '../../src/core/model/session.js';
import { isEndpoint, type Stream } from '../../src/core/model/stream.js';
import { IDENTITY_BOUNDS, IdentityKind, mayHaveSeveral } from '../../src/core/model/trust/identity.js';
import { baseOfSid, typeOfSid } from '../../src/core/store/sid.js';
import { capture, rowsOf } from '../../src/core/store/snapshot.js';
import type { State } from '../../src/core/store/state.js';

/**
 * Whether a state is sound: what is wrong with it in words, nothing when all is well.
 *
 * The rows of a capture are taken for the truth, and every list, count and index of the state is asked whether it agrees
 * with them, in the most simple-minded way: so it is slow, and cannot share a mistake with what it looks at.
 */
export function audit(state: State): string[] {
  const found: string[] = [];
  const expect = (holds: boolean, otherwise: string) => {
    if (!holds) found.push(otherwise);
  };
  const sessions: Session[] = [];
  const links: Link[] = [];
  const reports: LinkReport[] = [];
  const taken = capture(state);
  for (const row of rowsOf(taken)) {
    if (row.kind === 'session') sessions.push(row.session);
    if (row.kind === 'link') links.push({ a: row.a, b: row.b, link: row.link });
    if (row.kind === 'report') reports.push(row.report);
  }
  auditSessions(state, sessions, expect);
  auditLinks(state, sessions, links, expect);
  auditReports(state, sessions, reports, expect);
  auditStreams(state, sessions, [...state.streams.all()], expect);
  auditOrders(state, sessions, expect);
  auditConnections(state, expect);
  for (const [sid] of state.ended.all()) expect(!state.graph.has(sid), `${sid} has ended and lives`);
  return found;
}

type Expect = (holds: boolean, otherwise: string) => void;

function auditSessions(state: State, sessions: readonly Session[], expect: Expect): void {
  expect(state.sessions.count === sessions.length, `${state.sessions.count} sessions are ${sessions.length}`);
  expect(new Set(sessions.map(({ sid }) => sid)).size === sessions.length, 'a SID is used twice');
  expect(new Set(sessions.map(({ uuid }) => uuid)).size === sessions.length, 'an instance has two sessions');
  for (const session of sessions) {
    const { sid } = session;
    const base = baseOfSid(sid);
    expect(Number.isInteger(sid) && sid > 0 && sid < 2 ** 31, `${sid} is not a SID`);
    expect(base >= 1 && base <= state.limits.sidBaseMax, `${sid} has no allowed base`);
    expect(typeOfSid(sid) >= 2, `${sid} is of type ${typeOfSid(sid)}`);
    expect(isDeepStrictEqual(state.sessions.get(sid), session), `session ${sid} is not found`);
    expect(state.sessions.has(sid), `session ${sid} is not there`);
    const found = state.sessions.ofInstance(session.uuid);
    expect(isDeepStrictEqual(found, session), `session ${sid} is not found by its instance`);
    const holder = identityOf(session);
    if (session.identity !== undefined) {
      const { kind = IdentityKind.INSTANCE } = state.identities.get(session.identity) ?? {};
      expect(mayHaveSeveral(kind), `session ${sid} is one more of an instance`);
      expect(state.identities.get(session.uuid) === undefined, `session ${sid} is of an instance that is an identity`);
    }
    const held = state.sessions.ofIdentity(holder);
    expect(
      held.some((one) => isDeepStrictEqual(one, session)),
      `session ${sid} is not found by its identity`,
    );
    expect(held.length <= IDENTITY_BOUNDS.sessionsMax, `identity ${holder} has ${held.length} sessions`);
    const isForeign = session.identity !== undefined && state.identities.get(session.uuid) !== undefined;
    expect(!isForeign, `instance ${session.uuid} is an identity, and has a session of ${holder}`);
  }
}

function auditLinks(state: State, sessions: readonly Session[], links: readonly Link[], expect: Expect): void {
  const { graph, servers, serverSid } = state;
  const serverSids = [...servers.all()].map(({ sid }) => sid);
  const nodes = [...serverSids, ...sessions.map(({ sid }) => sid)];
  expect(graph.nodeCount === nodes.length, `${graph.nodeCount} nodes are ${nodes.length}`);
  expect(graph.linkCount === links.length, `${graph.linkCount} links are ${links.length}`);
  expect(new Set(links.map((link) => JSON.stringify(link))).size === links.length, 'a link is there twice');
  for (const { a, b } of links) {
    expect(a < b && nodes.includes(a) && nodes.includes(b), `link ${a}-${b} has no two ends in order`);
  }
  for (const sid of nodes) {
    const own = links.filter(({ a, b }) => a === sid || b === sid).sort(compareLinks);
    expect(graph.has(sid), `node ${sid} is not found`);
    expect(graph.degree(sid) === own.length, `node ${sid} has ${own.length} links, not ${graph.degree(sid)}`);
    expect(JSON.stringify(graph.linksOf(sid)) === JSON.stringify(own), `the links of ${sid} are others`);
    const toServers = own.filter(({ a, b }) => serverSids.includes(a === sid ? b : a));
    if (servers.has(sid)) auditServer(state, sid, { sessions, toServers }, expect);
    else {
      const home = sessions.find((session) => session.sid === sid)?.home ?? serverSid;
      const [link] = toServers;
      const isHome =
        toServers.length === 1 && link.link === LinkType.CONTROL_TCP && (link.a === home || link.b === home);
      expect(isHome, `${sid} has no one CONTROL link, to its home`);
    }
  }
}

function auditServer(
  { servers, serverSid }: State,
  sid: number,
  { sessions, toServers }: { readonly sessions: readonly Session[]; readonly toServers: readonly Link[] },
  expect: Expect,
): void {
  const count = sessions.filter(({ home = serverSid }) => home === sid).length;
  expect(servers.sessionsAt(sid) === count, `server ${sid} has ${count} sessions, not ${servers.sessionsAt(sid)}`);
  expect(servers.isLive(sid) || count > 0, `server ${sid} is lost, and nobody is there`);
  const peers = toServers.map(({ a, b }) => (a === sid ? b : a)).sort((x, y) => x - y);
  expect(JSON.stringify(peers) === JSON.stringify(servers.peersOf(sid)), `server ${sid} has links to ${peers}`);
  for (const peer of peers) {
    expect(servers.isLive(sid) && servers.isLive(peer), `servers ${sid} and ${peer} have a link, and one is lost`);
  }
}

function auditReports(
  state: State,
  sessions: readonly Session[],
  reports: readonly LinkReport[],
  expect: Expect,
): void {
  for (const report of reports) {
    const { sid, peer, link } = report;
    const said = `${sid}'s word about ${peer}`;
    const isThere = state.servers.isLive(sid) || sessions.some((session) => session.sid === sid);
    expect(isThere && state.graph.has(peer), `${said} has no two ends`);
    expect(state.reports.has(report), `${said} is not found`);
    expect(!state.reports.has({ sid: peer, peer: sid, link }), `${said} waits for what is there`);
    const standing = state.graph.hasLink({ a: Math.min(sid, peer), b: Math.max(sid, peer), link });
    expect(!standing, `${said} waits for a link that stands`);
  }
  expect(state.reports.count === reports.length, `${reports.length} reports wait, not ${state.reports.count}`);
  for (const { sid } of sessions) {
    const count = reports.filter((report) => report.sid === sid).length;
    expect(state.reports.countBy(sid) === count, `${sid} has ${count} reports, not ${state.reports.countBy(sid)}`);
  }
}

function auditStreams(state: State, sessions: readonly Session[], streams: readonly Stream[], expect: Expect): void {
  const ids = streams.flatMap(({ id, sinks }) => [id, ...sinks.map((sink) => sink.id)]);
  expect(new Set(ids).size === ids.length, 'a stream id is used twice');
  for (const stream of streams) {
    const { id, owner, sinks } = stream;
    for (const one of [id, ...sinks.map((sink) => sink.id)]) {
      expect(Number.isInteger(one) && one > 0 && one < 2 ** 31, `${one} is not a stream id`);
      expect(JSON.stringify(state.streams.get(one)) === JSON.stringify(stream), `stream ${id} is not found by ${one}`);
    }
    for (const sid of [owner, ...sinks.map((sink) => sink.sid)]) {
      expect(
        sessions.some((session) => session.sid === sid),
        `stream ${id} ends at ${sid}, which is no session`,
      );
    }
    const initial = sessions.some((session) => session.sid === owner && session.streamId === id);
    expect(sinks.length > 0 || initial, `stream ${id} has no sinks`);
  }
  const listed = streams.filter(({ id, owner }) => state.sessions.get(owner)?.streamId !== id);
  for (const { sid } of sessions) {
    const own = listed.filter((stream) => isEndpoint(stream, sid)).sort((x, y) => x.id - y.id);
    expect(JSON.stringify(state.streams.of(sid)) === JSON.stringify(own), `the streams of ${sid} are others`);
    const owned = own.filter(({ owner }) => owner === sid).length;
    expect(state.streams.ownedBy(sid) === owned, `${sid} owns ${owned} streams, not ${state.streams.ownedBy(sid)}`);
  }
}

function auditConnections(state: State, expect: Expect): void {
  const connections = [...state.connections.all()];
  for (const connection of connections) {
    const { id, caller, peer } = connection;
    expect(state.connections.get(id) === connection, `connection ${id} is not found`);
    for (const { sid } of [caller, peer]) {
      expect(state.connections.of(sid).includes(connection), `connection ${id} is not found by ${sid}`);
      expect(
        isOver(connection) || state.sessions.get(sid) !== undefined,
        `connection ${id} stands to ${sid}, who is gone`,
      );
    }
  }
  for (const where of Object.values(ConnectionState)) {
    for (const path of Object.values(PathKind)) {
      const count = connections.filter((one) => one.state === where && one.path === path).length;
      const counted = state.connections.countOf(where, path);
      expect(counted === count, `${counted} connections of state ${where} and path ${path} are ${count}`);
    }
  }
  const pending = connections.filter(isPending).length;
  expect(
    state.connections.pendingCount === pending,
    `${state.connections.pendingCount} connections pending are ${pending}`,
  );
  for (const { id, body } of state.orders.all()) {
    if (body.kind !== 'connection') continue;
    const connection = state.connections.get(body.connection);
    expect(connection !== undefined && !isOver(connection), `order ${id} is about a connection that is over`);
  }
}

function auditOrders(state: State, sessions: readonly Session[], expect: Expect): void {
  const orders = [...state.orders.all()];
  for (const order of orders) {
    expect(
      sessions.some(({ sid }) => sid === order.sid),
      `order ${order.id} is for nobody`,
    );
    expect(state.orders.get(order.sid, order.id) === order, `order ${order.id} is not found`);
  }
  expect(new Set(orders.map(({ sid, id }) => `${sid} ${id}`)).size === orders.length, 'an order is there twice');
}
