import type { Connection } from '../model/connection.js';
import type { Limits } from '../model/limits.js';
import type { Link, LinkReport, LinkType } from '../model/link.js';
import type { Order } from '../model/order.js';
import type { Position } from '../model/position.js';
import type { DoneRequest } from '../model/request.js';
import { Rules } from '../model/rules.js';
import type { NetworkServer } from '../model/server.js';
import type { Session } from '../model/session.js';
import type { Stream } from '../model/stream.js';
import type { ServerAnchors } from '../model/trust/audit-anchor.js';
import type { Identity } from '../model/trust/identity.js';
import type { StoredPolicy } from '../model/trust/policy.js';
import type { Ticket } from '../model/trust/ticket.js';
import type { EndedSession } from './ended.js';
import type { HashKey } from './packed/halfsiphash.js';
import { SID_POOLS } from './sid.js';
import { State } from './state.js';
import type { StateView } from './state-view.js';
import { initialStream } from './streams.js';

/** The few numbers that a state has once. The first row of every snapshot. */
export interface MetaRow {
  readonly kind: 'meta';
  readonly epoch: string;
  readonly revision: number;
  readonly serverSid: number;
  readonly serverUuid: string;
  readonly streamCursor: number;
  /** When the last command was stored that says so; undefined before the first. */
  readonly atMs: number | undefined;
  /** The base handed out last, by pool (flavor and type as in a SID); pools that were never used are left out. */
  readonly sidCursors: readonly { readonly pool: number; readonly base: number }[];
  /** The number that an identity was given last; absent before the first. */
  readonly identityCursor?: number | undefined;
  /** By which rules commands are decided; absent where it is by the first. */
  readonly rules?: number | undefined;
}

/** One row of a snapshot, self-contained. */
export type Row =
  | MetaRow
  | { readonly kind: 'limits'; readonly limits: Limits }
  | { readonly kind: 'server'; readonly server: NetworkServer }
  | { readonly kind: 'session'; readonly session: Session }
  | { readonly kind: 'link'; readonly a: number; readonly b: number; readonly link: LinkType }
  | { readonly kind: 'report'; readonly report: LinkReport }
  | { readonly kind: 'stream'; readonly stream: Stream }
  | { readonly kind: 'connection'; readonly connection: Connection }
  | { readonly kind: 'order'; readonly order: Order }
  | { readonly kind: 'settled'; readonly sid: number; readonly orderId: string }
  | { readonly kind: 'request'; readonly request: DoneRequest }
  | ({ readonly kind: 'ended'; readonly sid: number } & EndedSession)
  | { readonly kind: 'identity'; readonly identity: Identity }
  | { readonly kind: 'policy'; readonly policy: StoredPolicy }
  | { readonly kind: 'ticket'; readonly ticket: Ticket }
  | { readonly kind: 'anchors'; readonly anchors: ServerAnchors };

/**
 * A state as it stood at one position, to be read at leisure, and more than once, while the state itself goes on.
 *
 * Sessions are never changed in place and pages of numbers are shared until they are written to, so taking one is a copy of
 * references. At a million sessions and two million links it takes a millisecond or two.
 */
export interface Capture {
  readonly position: Position;
  readonly serverSid: number;
  readonly serverUuid: string;
  /** The oldest first. */
  readonly servers: readonly NetworkServer[];
  readonly sessions: Iterable<Session>;
  readonly links: Iterable<Link>;
  /** All of them. */
  readonly streams: Iterable<Stream>;
  /** Those of them that do not follow from the sessions. */
  readonly keptStreams: readonly Stream[];
  readonly identities: Iterable<Identity>;
  /** Rows of the other kinds: few, or small. The first two are the meta row and the limits. */
  readonly rest: readonly Row[];
}

/** Meta and limits. */
const FIRST_ROWS = 2;

/** Captures a state. */
export function capture(state: StateView): Capture {
  const sidCursors = [];
  for (let pool = 0; pool < SID_POOLS; pool++) {
    const base = state.sids.cursors[pool];
    if (base > 0) sidCursors.push({ pool, base });
  }
  const { epoch, revision, serverSid, serverUuid, streamCursor } = state;
  const atMs = state.atMs === 0 ? undefined : state.atMs;
  const { cursor } = state.identities;
  const meta = { kind: 'meta', epoch, revision, serverSid, serverUuid, streamCursor, atMs, sidCursors } as const;
  const ofRules = state.rules === Rules.FIRST ? meta : { ...meta, rules: state.rules };
  const rest: Row[] = [cursor === 0 ? ofRules : { ...ofRules, identityCursor: cursor }];
  rest.push({ kind: 'limits', limits: state.limits });
  for (const report of state.reports.all()) rest.push({ kind: 'report', report });
  for (const order of state.orders.all()) rest.push({ kind: 'order', order });
  for (const { sid, id } of state.orders.allSettled()) rest.push({ kind: 'settled', sid, orderId: id });
  for (const [sid, ended] of state.ended.all()) rest.push({ kind: 'ended', sid, ...ended });
  for (const connection of state.connections.all()) rest.push({ kind: 'connection', connection });
  for (const request of state.requests.all()) rest.push({ kind: 'request', request });
  if (state.policy !== undefined) rest.push({ kind: 'policy', policy: state.policy });
  for (const ticket of state.tickets.all()) rest.push({ kind: 'ticket', ticket });
  for (const anchors of state.auditAnchors.all()) rest.push({ kind: 'anchors', anchors });
  const sessions = state.sessions.copy();
  const keptStreams = [...state.streams.kept()];
  return {
    position: state.position,
    serverSid,
    serverUuid,
    servers: [...state.servers.all()],
    sessions,
    links: state.graph.copyLinks(),
    streams: { [Symbol.iterator]: () => streamsIn(sessions, keptStreams) },
    keptStreams,
    identities: state.identities.copy(),
    rest,
  };
}

function* streamsIn(sessions: Capture['sessions'], kept: readonly Stream[]): Iterator<Stream> {
  yield* kept;
  const changed = new Set(kept.map(({ id }) => id));
  for (const session of sessions) {
    if (session.streamId !== 0 && !changed.has(session.streamId)) yield initialStream(session);
  }
}

/** The rows of a capture: meta and limits first, servers and sessions before what names them. */
export function* rowsOf(taken: Capture): Iterable<Row> {
  yield* taken.rest.slice(0, FIRST_ROWS);
  for (const server of isFounderAlone(taken) ? [] : taken.servers) yield { kind: 'server', server };
  for (const session of taken.sessions) yield { kind: 'session', session };
  for (const { a, b, link } of taken.links) yield { kind: 'link', a, b, link };
  for (const stream of taken.keptStreams) yield { kind: 'stream', stream };
  yield* taken.rest.slice(FIRST_ROWS);
  for (const identity of taken.identities) yield { kind: 'identity', identity };
}

/** Whether the only server is the one that founded the network, as it was then: the meta row says that. */
function isFounderAlone({ servers, serverSid }: Capture): boolean {
  const [{ sid, name, isLive }] = servers.length === 1 ? servers : [NO_SERVER];
  return sid === serverSid && name === '' && isLive;
}

const NO_SERVER: NetworkServer = { sid: -1, uuid: '', name: '', isLive: false };

/**
 * Builds a state from the rows of a snapshot, as they come. `limits` are those of a snapshot that has none: it is of format 1.
 *
 * Whatever the limits are, every row stays: what is there beyond a limit was there when the snapshot was taken.
 */
export class Restoring {
  readonly state: State;
  /** The only server is the one of the meta row. */
  private isFounderAlone = true;

  constructor(limits: Limits, key?: HashKey) {
    this.state = new State(limits, key);
  }

  /** The next row. Throws when it cannot follow what came before: then the snapshot is not one that we wrote. */
  add(row: Row): void {
    const { state } = this;
    switch (row.kind) {
      case 'meta':
        this.found(row);
        break;
      case 'limits':
        state.limits = row.limits;
        break;
      case 'server':
        if (this.isFounderAlone) this.remove(state.serverSid);
        this.isFounderAlone = false;
        this.put(row.server);
        break;
      case 'session':
        state.sids.restore(row.session.sid);
        state.graph.addNode(row.session.sid);
        state.sessions.add(row.session);
        state.servers.arrived(row.session.home ?? state.serverSid);
        break;
      case 'link':
        state.graph.addLink(row);
        state.servers.linked(row);
        break;
      case 'report':
        state.reports.add(row.report);
        break;
      case 'stream':
        state.streams.put(row.stream);
        break;
      case 'connection':
        state.connections.restore(row.connection);
        break;
      case 'order':
        state.orders.add(row.order);
        break;
      case 'settled':
        state.orders.restoreSettled(row.sid, row.orderId);
        break;
      case 'request':
        state.requests.restore(row.request);
        break;
      case 'ended':
        state.ended.restore(row.sid, { reason: row.reason, tokenCheck: row.tokenCheck });
        break;
      case 'identity':
        state.identities.put(row.identity);
        break;
      case 'policy':
        state.policy = row.policy;
        break;
      case 'ticket':
        state.tickets.put(row.ticket);
        break;
      case 'anchors':
        state.auditAnchors.put(row.anchors);
        break;
    }
  }

  private found(meta: MetaRow): void {
    const { state } = this;
    state.epoch = meta.epoch;
    state.revision = meta.revision;
    state.serverSid = meta.serverSid;
    state.serverUuid = meta.serverUuid;
    state.streamCursor = meta.streamCursor;
    state.atMs = meta.atMs ?? 0;
    state.rules = meta.rules ?? Rules.FIRST;
    state.identities.cursor = meta.identityCursor ?? 0;
    for (const { pool, base } of meta.sidCursors) state.sids.cursors[pool] = base;
    // A state in which nothing has happened yet has no server.
    if (meta.serverSid !== 0) this.put({ sid: meta.serverSid, uuid: meta.serverUuid, name: '', isLive: true });
  }

  private put(server: NetworkServer): void {
    const { sids, graph, servers } = this.state;
    sids.restore(server.sid);
    graph.addNode(server.sid);
    servers.put(server);
  }

  /** Rows of servers are all of them: the one that founded the network may have gone. */
  private remove(sid: number): void {
    const { sids, graph, servers } = this.state;
    sids.free(sid);
    graph.removeNode(sid);
    servers.delete(sid);
  }
}
