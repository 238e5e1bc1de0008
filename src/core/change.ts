import type { CloseReason, Labels, StopReason, StreamParams } from './command.js';
import type { Connection, ConnectionRole } from './connection.js';
import type { Reason } from './fault.js';
import type { Link } from './graph.js';
import type { Limits } from './limits.js';
import type { LinkReport } from './reports.js';

/** A live session. Never changed once it is made, so a copy of the reference is a snapshot of it. */
export interface Session {
  readonly sid: number;
  /** In lower case. */
  readonly uuid: string;
  readonly ttlMs: number;
  readonly name: string;
  readonly labels: Labels;
  /** SHA-256 of the token's secret, as 32 latin1 characters. */
  readonly tokenHash: string;
  /** Wall clock, for people only. */
  readonly openedAtMs: number;
  readonly openedRevision: number;
  /** The stream that it has from the start: its own SID. 0 once that stream has been stopped. */
  readonly streamId: number;
}

/** One branch of a stream. */
export interface StreamSink {
  readonly sid: number;
  /** The branch's own id. */
  readonly id: number;
}

/** A live stream. Never changed: a change makes a new one. Its source is its owner. */
export interface Stream {
  readonly id: number;
  readonly owner: number;
  /** Empty only for the stream that a session has from the start. */
  readonly sinks: readonly StreamSink[];
  readonly params: StreamParams;
  /** Revision of its last change. */
  readonly revision: number;
}

/** Something that a session was asked to do and has not answered. */
export interface Order {
  /** Unique for its session. */
  readonly id: string;
  readonly sid: number;
  /** How long it waits for its answer, from when it was placed or restored. */
  readonly deadlineMs: number;
  readonly body: OrderBody;
}

/** What an order asks for. */
export type OrderBody =
  | { readonly kind: 'terminate'; readonly reason: string }
  | ({ readonly kind: 'connection' } & ConnectionOrder);

/** A part in a brokered connection. What else it says is read from the connection, which lives as long as the order. */
export interface ConnectionOrder {
  readonly connection: number;
  readonly role: ConnectionRole;
}

/** The network has a name and a server. */
export interface NetworkFounded {
  readonly kind: 'NetworkFounded';
  readonly epoch: string;
  readonly serverUuid: string;
  readonly serverSid: number;
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

/** Everything that can come of a command, in the past tense. */
export type Change =
  | NetworkFounded
  | SessionOpened
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
  | LimitsSet;

/** The ids of everything that a {@link StreamStopped} stopped, ascending. */
export function stoppedIds({ before, after }: StreamStopped): number[] {
  const left = new Set(after?.sinks.map((sink) => sink.id));
  const ids = before.sinks.map((sink) => sink.id).filter((id) => !left.has(id));
  if (after === undefined) ids.push(before.id);
  return ids.sort((x, y) => x - y);
}
