import type { Connection } from './connection.js';
import type { Reason } from './fault.js';
import type { Limits } from './limits.js';
import type { Link, LinkReport } from './link.js';
import type { Order } from './order.js';
import type { DoneRequest } from './request.js';
import type { NetworkServer } from './server.js';
import type { CloseReason, Session } from './session.js';
import type { StopReason, Stream } from './stream.js';
import type { ServerAnchors } from './trust/audit-anchor.js';
import type { Identity } from './trust/identity.js';
import type { StoredPolicy } from './trust/policy.js';
import type { Ticket } from './trust/ticket.js';

/** The network has a name and a server. */
export interface NetworkFounded {
  readonly kind: 'NetworkFounded';
  readonly epoch: string;
  readonly serverUuid: string;
  readonly serverSid: number;
}

/** A server came, and with it its node. */
export interface ServerAdded {
  readonly kind: 'ServerAdded';
  readonly server: NetworkServer;
}

/** A server that is there looks like this now: lost, or back. */
export interface ServerChanged {
  readonly kind: 'ServerChanged';
  readonly server: NetworkServer;
}

/** A lost server went that no session is at any more, and with it its node. Its links went by changes of their own, just before. */
export interface ServerRemoved {
  readonly kind: 'ServerRemoved';
  readonly server: NetworkServer;
}

/** A session is at another server. Its links to the old and the new one are changes of their own, around this. */
export interface SessionMoved {
  readonly kind: 'SessionMoved';
  /** As it is now. */
  readonly session: Session;
  /** The SID of the server that it was at. */
  readonly from: number;
}

/** A session came, and with it its node. Its link to the server and its stream are changes of their own. */
export interface SessionOpened {
  readonly kind: 'SessionOpened';
  readonly session: Session;
}

/** A session went, and with it its node. What hung on it went by changes of their own, just before. */
export interface SessionClosed {
  readonly kind: 'SessionClosed';
  readonly session: Session;
  readonly reason: CloseReason;
}

/** One end has reported a link. */
export interface LinkReported {
  readonly kind: 'LinkReported';
  readonly report: LinkReport;
}

/** A report does not wait any more: it was confirmed or taken back. */
export interface LinkReportSettled {
  readonly kind: 'LinkReportSettled';
  readonly report: LinkReport;
}

/** A link came. */
export interface LinkAdded {
  readonly kind: 'LinkAdded';
  readonly link: Link;
}

/** A link went. */
export interface LinkRemoved {
  readonly kind: 'LinkRemoved';
  readonly link: Link;
}

/** A stream came, or has other parameters now. */
export interface StreamPut {
  readonly kind: 'StreamPut';
  readonly stream: Stream;
}

/** A stream, or some of its branches, stopped. */
export interface StreamStopped {
  readonly kind: 'StreamStopped';
  /** As it was before. */
  readonly before: Stream;
  /** As it is now; undefined when nothing of it is left. */
  readonly after: Stream | undefined;
  readonly reason: StopReason;
  /** The session that stopped it; 0 for the server or an administrator. */
  readonly by: number;
}

/** A session has something to do. */
export interface OrderPlaced {
  readonly kind: 'OrderPlaced';
  readonly order: Order;
}

/** An order does not wait any more. */
export interface OrderSettled {
  readonly kind: 'OrderSettled';
  readonly order: Order;
  /** Undefined: success. */
  readonly code: Reason | undefined;
  readonly description: string;
}

/** A brokered connection came, or looks like this now. */
export interface ConnectionPut {
  readonly kind: 'ConnectionPut';
  readonly connection: Connection;
}

/** Other limits hold from here on. */
export interface LimitsSet {
  readonly kind: 'LimitsSet';
  readonly limits: Limits;
}

/** A request with an id was done. */
export interface RequestDone {
  readonly kind: 'RequestDone';
  readonly request: DoneRequest;
}

/** A request came again that was done before. Changes nothing; it is here for who asked. */
export interface RequestRepeated {
  readonly kind: 'RequestRepeated';
  readonly request: DoneRequest;
}

/** What came of a request was undone: when it comes again, it is done again. */
export interface RequestForgotten {
  readonly kind: 'RequestForgotten';
  readonly request: DoneRequest;
}

/** Positions have another epoch from here on. */
export interface EpochRenewed {
  readonly kind: 'EpochRenewed';
  readonly epoch: string;
}

/** Commands are decided by these rules from here on. */
export interface RulesChanged {
  readonly kind: 'RulesChanged';
  readonly rules: number;
}

/** An identity came, or looks like this now. */
export interface IdentityPut {
  readonly kind: 'IdentityPut';
  readonly identity: Identity;
}

/** An identity is as if it had never been. */
export interface IdentityForgotten {
  readonly kind: 'IdentityForgotten';
  readonly identity: Identity;
}

/** The network has this policy from here on. */
export interface PolicyPut {
  readonly kind: 'PolicyPut';
  readonly policy: StoredPolicy;
}

/** A ticket came, or looks like this now. */
export interface TicketPut {
  readonly kind: 'TicketPut';
  readonly ticket: Ticket;
}

/** A ticket is remembered no more. */
export interface TicketForgotten {
  readonly kind: 'TicketForgotten';
  readonly ticket: Ticket;
}

/** The newest line of a server's audit log is in the journal. */
export interface AuditAnchored {
  readonly kind: 'AuditAnchored';
  readonly anchors: ServerAnchors;
}

/** Everything that can come of a command, in the past tense. */
export type Change =
  | NetworkFounded
  | ServerAdded
  | ServerChanged
  | ServerRemoved
  | SessionOpened
  | SessionMoved
  | SessionClosed
  | LinkReported
  | LinkReportSettled
  | LinkAdded
  | LinkRemoved
  | StreamPut
  | StreamStopped
  | OrderPlaced
  | OrderSettled
  | ConnectionPut
  | LimitsSet
  | RequestDone
  | RequestRepeated
  | RequestForgotten
  | EpochRenewed
  | RulesChanged
  | IdentityPut
  | IdentityForgotten
  | PolicyPut
  | TicketPut
  | TicketForgotten
  | AuditAnchored;

/** The ids of everything that a {@link StreamStopped} stopped, ascending. */
export function stoppedIds({ before, after }: StreamStopped): number[] {
  const left = new Set(after?.sinks.map((sink) => sink.id));
  const ids = before.sinks.map((sink) => sink.id).filter((id) => !left.has(id));
  if (after === undefined) ids.push(before.id);
  return ids.sort((x, y) => x - y);
}
