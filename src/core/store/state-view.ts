import type { AuditAnchors } from './audit-anchors.js';
import type { Connections } from './connections.js';
import type { EndedSessions } from './ended.js';
import type { Graph } from './graph.js';
import type { Identities } from './identities.js';
import type { Orders } from './orders.js';
import type { LinkReports } from './reports.js';
import type { DoneRequests } from './requests.js';
import type { Servers } from './servers.js';
import type { Sessions } from './sessions.js';
import type { SidAllocator } from './sid.js';
import type { State } from './state.js';
import type { Streams } from './streams.js';
import type { Tickets } from './tickets.js';

/** What a state has once. */
type Facts =
  | 'epoch'
  | 'revision'
  | 'atMs'
  | 'position'
  | 'serverSid'
  | 'serverUuid'
  | 'streamCursor'
  | 'limits'
  | 'rules'
  | 'policy';

/**
 * A {@link State} that can be read and not written to: all that the doors, the feeds and the metrics have of it.
 *
 * It is the same object, so what is read is always the newest. A method of a store that is not listed here is one that
 * writes, or that only the core needs.
 */
export interface StateView extends Readonly<Pick<State, Facts>> {
  readonly graph: Pick<
    Graph,
    | 'view'
    | 'nodeCount'
    | 'linkCount'
    | 'slotOf'
    | 'sidAt'
    | 'has'
    | 'sidsAfter'
    | 'sidsAscending'
    | 'degree'
    | 'hasLink'
    | 'linksOf'
    | 'linksBetween'
    | 'copyLinks'
  >;
  readonly sids: Pick<SidAllocator, 'wasGiven'> & { readonly cursors: Readonly<ArrayLike<number>> };
  readonly servers: Pick<
    Servers,
    'count' | 'has' | 'get' | 'isLive' | 'ofUuid' | 'named' | 'all' | 'sessionsAt' | 'peersOf'
  >;
  readonly sessions: Pick<
    Sessions,
    | 'count'
    | 'has'
    | 'get'
    | 'hold'
    | 'living'
    | 'homeOf'
    | 'ofInstance'
    | 'sidOfInstance'
    | 'ofIdentity'
    | 'ttlAt'
    | 'openedRevision'
    | 'copy'
    | 'sidsAscending'
  >;
  readonly reports: Pick<LinkReports, 'count' | 'has' | 'countBy' | 'of' | 'all'>;
  readonly streams: Pick<
    Streams,
    'count' | 'branchCount' | 'get' | 'ownedBy' | 'endingAt' | 'of' | 'all' | 'idsAfter' | 'kept'
  >;
  readonly orders: Pick<Orders, 'of' | 'get' | 'wasSettled' | 'all' | 'allSettled'>;
  readonly connections: Pick<Connections, 'pendingCount' | 'countOf' | 'get' | 'of' | 'ids' | 'all'>;
  readonly ended: Pick<EndedSessions, 'get' | 'isForeign' | 'all'>;
  readonly requests: Pick<DoneRequests, 'find' | 'of' | 'all'>;
  readonly identities: Readonly<Pick<Identities, 'count' | 'cursor' | 'get' | 'named' | 'after' | 'ofTicket' | 'copy'>>;
  readonly tickets: Pick<Tickets, 'count' | 'get' | 'ofHash' | 'all'>;
  readonly auditAnchors: Pick<AuditAnchors, 'of' | 'all'>;
}
